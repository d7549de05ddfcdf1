"""`manage.py mirror status|verify|repair|restore|digest`: the copy on disk, looked at and mended by hand."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from sessions import actions
from sessions.actions import Adoption
from sessions.management.base import StoreCommand, WrongCall, given
from sessions.mirror.reconcile import Reconciled


class Command(StoreCommand):
    help = (
        "Look after the copy on disk. status: what it owes (exit 1 with debt or quarantine). verify: compare both "
        "copies to the last hash (exit 1 with findings). repair: mend what verify finds (exit 1 with what is left). "
        "restore: load into the database what only the files have. digest: the SHA-256 of all that the store says."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("what", choices=("status", "verify", "repair", "restore", "digest"))
        parser.add_argument("--session", type=given, metavar="ID", help="the session that --keep is about")
        parser.add_argument(
            "--keep",
            choices=("database", "journal"),
            help="with repair --session: where the copies disagree, let this one stand",
        )

    def run(self, *, what: str, session: str | None, keep: str | None, json: bool, **options: Any) -> int:
        if (session or keep) and not (what == "repair" and session and keep):
            raise WrongCall("--session and --keep go together, and with repair.")
        if session and keep:
            return self._settle(session, keep, json)
        return {
            "status": self._status,
            "verify": self._verify,
            "repair": self._repair,
            "restore": self._restore,
            "digest": self._digest,
        }[what](json)

    def _status(self, json: bool) -> int:
        status = actions.mirror_status()
        age = "none" if status.debt_age_seconds is None else f"{status.debt_age_seconds:.0f} s"
        self.tell(
            asdict(status),
            as_json=json,
            text=f"Sessions in debt: {status.debt_sessions} (oldest: {age})\n"
            f"Profiles in debt: {status.debt_profiles}\n"
            f"Tombstones to settle: {status.unsettled_tombstones}\n"
            f"Documents to refresh: {status.debt_documents}\n"
            f"In quarantine: {status.quarantined}",
        )
        return 0 if status.settled and not status.quarantined else 1

    def _verify(self, json: bool) -> int:
        return self._tell_findings(actions.inspect_mirror(actor=self.actor, progress=self.progress), json, "found")

    def _repair(self, json: bool) -> int:
        left = actions.repair_mirror(actor=self.actor, progress=self.progress)
        return self._tell_findings(left, json, "left after repair")

    def _tell_findings(self, findings: list[Any], json: bool, what: str) -> int:
        lines = [f"{one.kind:8} {one.path}{f':{one.line}' if one.line else ''}  {one.reason}" for one in findings]
        self.tell(
            {"findings": [asdict(one) for one in findings]},
            as_json=json,
            text="\n".join([*lines, f"{len(findings)} findings {what}." if findings else "Both copies agree."]),
        )
        return 1 if findings else 0

    def _restore(self, json: bool) -> int:
        done = actions.reconcile_copies(actor=self.actor, progress=self.progress)
        copies, adoption = done.copies, done.adoption
        trouble = [*copies.conflicts, *copies.failures]
        self.tell(
            asdict(done),
            as_json=json,
            text="\n".join([_restored(copies), _brought_in(copies, adoption), *trouble]),
        )
        return 1 if trouble else 0

    def _digest(self, json: bool) -> int:
        digest = actions.store_digest()
        self.tell({"sha256": digest}, as_json=json, text=digest)
        return 0

    def _settle(self, session_id: str, keep: str, json: bool) -> int:
        if keep == "database":
            actions.keep_database(session_id, actor=self.actor)
        else:
            actions.keep_journal(session_id, actor=self.actor)
        self.tell({"session_id": session_id, "kept": keep}, as_json=json, text=f"{session_id}: the {keep} stands.")
        return 0


def _restored(copies: Reconciled) -> str:
    return (
        f"{copies.checked} sessions checked: {copies.loaded} loaded, {copies.salvaged} salvaged, {copies.caught_up} "
        f"caught up ({copies.loaded_interactions} interactions), {copies.written} written to disk."
    )


def _brought_in(copies: Reconciled, adoption: Adoption) -> str:
    return (
        f"{copies.profiles} profiles and {copies.tombstones} tombstones loaded, {adoption.adopted} old documents "
        f"adopted, {copies.quarantined + adoption.quarantined} files quarantined."
    )

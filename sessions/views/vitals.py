"""The store's health in one look: what Home and Health both show, and the text that can be copied from it."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import django
from django.core.checks import CheckMessage, Tags, run_checks

from sessions import actions
from sessions.models import Schedule


@dataclass(frozen=True)
class Vitals:
    """How the store is. `search_waiting` counts sessions with text that the search does not find yet; `notices` is
    what the system checks say."""

    status: actions.MirrorStatus
    clockwork: actions.Clockwork
    sizes: actions.Sizes
    search_waiting: int
    notices: Sequence[CheckMessage]

    @property
    def cleanup(self) -> Schedule | None:
        return self.clockwork.jobs.get(actions.CLEANUP)

    @property
    def verify(self) -> Schedule | None:
        return self.clockwork.jobs.get(actions.VERIFY)

    @property
    def verify_failed(self) -> bool:
        return bool(self.verify and self.verify.last_result.get("findings"))

    @property
    def is_well(self) -> bool:
        """Whether nothing asks for a look; a debt that the worker is settling does not."""
        return not (self.status.quarantined or self.verify_failed or self.is_behind or self.sizes.is_short) and (
            self.clockwork.worker_is_alive
        )

    @property
    def is_behind(self) -> bool:
        """Whether the mirror owes something for longer than the worker takes to settle it."""
        return not self.status.settled and (self.status.debt_age_seconds or 0) > 60

    @cached_property
    def versions(self) -> Sequence[tuple[str, str]]:
        """What runs here, by name."""
        return [
            ("Sessionsite", actions.version()),
            ("Python", platform.python_version()),
            ("Django", django.get_version()),
            ("Database", actions.database_version()),
            ("System", f"{platform.system()} {platform.machine()}"),
        ]


def vitals(*, quarantined: int | None = None) -> Vitals:
    return Vitals(
        status=actions.mirror_status(quarantined=quarantined),
        clockwork=actions.clockwork(),
        sizes=actions.sizes(),
        search_waiting=actions.search_debt(),
        notices=_notices(),
    )


def diagnostics(vitals: Vitals) -> str:
    """The vitals as text to be sent to somebody: no secret, no path, no name of a person, nothing that was said."""
    status, sizes = vitals.status, vitals.sizes
    age = "none" if status.debt_age_seconds is None else f"{status.debt_age_seconds:.0f} s"
    lines = [
        *(f"{name}: {version}" for name, version in vitals.versions),
        f"Mirror debt: {status.debt_sessions} sessions (oldest {age}), {status.debt_profiles} profiles",
        f"Also to settle: {status.debt_documents} documents, {status.unsettled_tombstones} tombstones",
        f"Quarantine: {status.quarantined}",
        f"Search waits for: {vitals.search_waiting} sessions",
        f"Worker: {_at(vitals.clockwork.worker_seen_at)}",
        f"Database bytes: {sizes.database}",
        f"Disk: {sizes.disk_free} of {sizes.disk_total} bytes free",
        *(_job_line(job) for job in vitals.clockwork.jobs.values()),
        *(f"Notice: {notice.id} {notice.msg}" for notice in vitals.notices if not _tells_a_path(notice)),
    ]
    return "\n".join(lines)


def _job_line(job: Schedule) -> str:
    figures = [f"{name}={value}" for name, value in job.last_result.items() if isinstance(value, int | float)]
    outcome = ["failed"] if job.last_error else figures
    following = [f"next {_at(job.next_run_at)}"] if job.next_run_at else []
    return ", ".join([f"{job.name}: last {_at(job.last_finished_at)}", *outcome, *following])


def _at(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "never"


def _tells_a_path(notice: CheckMessage) -> bool:
    return notice.id == "sessionsite.E001"


def _notices() -> list[CheckMessage]:
    """What the app's own system checks say of this installation."""
    found = run_checks(tags=[Tags.files, Tags.compatibility, Tags.security])
    return [message for message in found if (message.id or "").startswith("sessionsite.")]

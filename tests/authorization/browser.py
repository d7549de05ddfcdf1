"""The table of the pages: by the names of their addresses, who is let in and who may send what changes something."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .faces import METHODS, TOKENS, Verdict, Who

_STAFF = (Who.READER, Who.ADMINISTRATOR)


@dataclass(frozen=True)
class Page:
    """For staff: the methods that it has, and whether readers too may send it what changes something, their own.

    A token opens no page: who comes with one is nobody here.
    """

    methods: tuple[str, ...]
    own: bool = False

    def verdict(self, who: Who, method: str) -> Verdict:
        if who is Who.OUTSIDER:
            return Verdict.REFUSED
        if who not in _STAFF:
            return Verdict.SIGN_IN
        if who is Who.READER and method != "GET" and not self.own:
            return Verdict.REFUSED
        return Verdict.LET_IN if method in self.methods else Verdict.NO_METHOD


@dataclass(frozen=True)
class ResumeLink(Page):
    """A page that gives a program which comes with a token the context pack instead."""

    def verdict(self, who: Who, method: str) -> Verdict:
        if who in TOKENS and method == "GET":
            return Verdict.UNKNOWN if who is Who.BOUND else Verdict.LET_IN
        return super().verdict(who, method)


@dataclass(frozen=True)
class AdminPage:
    """Of Django's admin: what staff are told, by method; all others are sent to sign in."""

    told: Verdict = Verdict.LET_IN
    otherwise: Mapping[str, Verdict] = field(default_factory=dict)

    def verdict(self, who: Who, method: str) -> Verdict:
        return self.otherwise.get(method, self.told) if who in _STAFF else Verdict.SIGN_IN


@dataclass(frozen=True)
class SignIn:
    """For everybody; whoever is signed in is led on, whatever the method. What fails is noted."""

    own = True

    def verdict(self, who: Who, method: str) -> Verdict:
        signed_in = who in (Who.OUTSIDER, *_STAFF)
        return Verdict.LET_IN if signed_in or method in ("GET", "POST", "PUT") else Verdict.NO_METHOD


@dataclass(frozen=True)
class ForTheSignedIn:
    """For everybody who is signed in, staff or not: what they are told, by method."""

    told: Verdict
    otherwise: Mapping[str, Verdict] = field(default_factory=dict)
    own: bool = True

    def verdict(self, who: Who, method: str) -> Verdict:
        signed_in = who in (Who.OUTSIDER, *_STAFF)
        return self.otherwise.get(method, self.told) if signed_in else Verdict.SIGN_IN


@dataclass(frozen=True)
class ForEverybody:
    """What everybody is told, whoever they are."""

    told: Verdict
    otherwise: Mapping[str, Verdict] = field(default_factory=dict)

    def verdict(self, who: Who, method: str) -> Verdict:
        return self.otherwise.get(method, self.told)


LOOK = Page(("GET",))
CHANGE = Page(("POST",))
LOOK_AND_CHANGE = Page(("GET", "POST"))
CHANGE_OWN = Page(("POST",), own=True)
LOOK_AND_CHANGE_OWN = Page(("GET", "POST"), own=True)
SIGN_OUT = ForTheSignedIn(Verdict.NO_METHOD, {"POST": Verdict.SIGN_IN})
GET_ALONE = {method: Verdict.NO_METHOD for method in METHODS if method != "GET"}

PAGES: Mapping[str, object] = {
    "sign-in": SignIn(),
    "sign-out": SIGN_OUT,
    "hook-bundle": ForEverybody(Verdict.LET_IN, GET_ALONE),
    "home": LOOK,
    "list": LOOK,
    "list-changes": LOOK,
    "export-many": LOOK_AND_CHANGE_OWN,  # a form that gives something out
    "resume-link": ResumeLink(("GET",)),
    "detail": LOOK,
    "interaction": LOOK,
    "interaction-raw": LOOK,
    "live": LOOK,
    "raw": LOOK,
    "export": LOOK,
    "export-markdown": LOOK,
    "export-as": LOOK,
    "measures": LOOK,
    "context": LOOK_AND_CHANGE,
    "pin": CHANGE,
    "unpin": CHANGE,
    "tag-add": CHANGE,
    "tag-remove": CHANGE,
    "note-add": CHANGE,
    "note-edit": LOOK_AND_CHANGE,
    "note-remove": CHANGE,
    "note-restore": CHANGE,
    "resume": CHANGE,
    "hold": CHANGE,
    "release": CHANGE,
    "trash-session": CHANGE,
    "restore": CHANGE,
    "purge": LOOK_AND_CHANGE,
    "merge": LOOK,
    "merge-many": LOOK_AND_CHANGE,
    "merge-timeline": LOOK,
    "merged": LOOK,
    "unmerge": CHANGE,
    "bulk": LOOK,
    "bulk-begin": CHANGE,
    "bulk-start": CHANGE,
    "bulk-continue": CHANGE,
    "bulk-undo": CHANGE,
    "view-create": CHANGE_OWN,
    "view-change": CHANGE_OWN,
    "view-delete": CHANGE_OWN,
    "cleanup": LOOK,
    "cleanup-planned": LOOK,
    "cleanup-size": LOOK,
    "cleanup-apply": CHANGE,
    "cleanup-run": LOOK,
    "cleanup-step": CHANGE,
    "cleanup-restore": CHANGE,
    "imports": LOOK_AND_CHANGE,
    "import": LOOK,
    "import-confirm": CHANGE,
    "import-cancel": CHANGE,
    "import-undo": CHANGE,
    "trash": LOOK,
    "trash-restore": CHANGE,
    "trash-purge": LOOK_AND_CHANGE,
    "search": LOOK,
    "health": LOOK,
    "users": LOOK,
    "user": LOOK,
    "user-preferences": LOOK_AND_CHANGE,
    "user-preferences-undo": CHANGE,
    "user-merge": LOOK_AND_CHANGE,
    "user-unmerge": CHANGE,
    "activity": LOOK,
    "activity-export": LOOK,
    "accounts": LOOK,
    "account-create": LOOK_AND_CHANGE,
    "account-detail": LOOK,
    "account-role": CHANGE,
    "account-password": CHANGE,
    "account-sign-out": CHANGE,
    "account-deactivate": CHANGE,
    "account-reactivate": CHANGE,
    "account": LOOK_AND_CHANGE_OWN,
    "account-sign-out-others": CHANGE_OWN,
    "tokens": LOOK,
    "token-create": LOOK_AND_CHANGE,
    "token": LOOK,
    "token-rename": CHANGE,
    "token-revoke": LOOK_AND_CHANGE,
}

# By route: an address of it, and its row. The admin's lists take their actions by POST; whom those are for is told by
# `test_admin_actions`.
OTHERS: Mapping[str, tuple[str, object]] = {
    "admin/": ("/admin/", AdminPage()),
    "admin/login/": ("/admin/login/", ForTheSignedIn(Verdict.REFUSED)),
    "admin/logout/": ("/admin/logout/", SIGN_OUT),
    # Leads to the account's own page.
    "admin/password_change/": ("/admin/password_change/", ForTheSignedIn(Verdict.LET_IN)),
    "admin/password_change/done/": ("/admin/password_change/done/", AdminPage(otherwise=GET_ALONE)),
    "admin/autocomplete/": ("/admin/autocomplete/", AdminPage(Verdict.REFUSED, GET_ALONE)),
    "admin/jsi18n/": ("/admin/jsi18n/", AdminPage(otherwise=GET_ALONE)),
    "admin/r/<path:content_type_id>/<path:object_id>/": ("/admin/r/1/main/", AdminPage(Verdict.UNKNOWN)),
    "admin/^(?P<app_label>conversations|auth)/$": ("/admin/conversations/", AdminPage()),
    "admin/(?P<url>.*)$": ("/admin/nothing", AdminPage(Verdict.UNKNOWN)),
    "api/v1/docs": ("/api/v1/docs", Page(("GET",), own=True)),
    # And all below that nothing else answers to.
    "api/v1/": ("/api/v1/nothing", ForEverybody(Verdict.UNKNOWN)),
    "^api(?:/|$)": ("/api/nothing", ForEverybody(Verdict.UNKNOWN)),
}
ADMIN_TABLE: Mapping[str, AdminPage] = {
    "": AdminPage(),
    "add/": AdminPage(Verdict.REFUSED),
    "<path:object_id>/history/": AdminPage(),
    "<path:object_id>/delete/": AdminPage(Verdict.REFUSED),
    "<path:object_id>/change/": AdminPage(otherwise={"POST": Verdict.REFUSED}),
    "<path:object_id>/": AdminPage(),  # leads to the one before
}

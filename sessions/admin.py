"""Django's admin, for the rare cases: everything can be looked at, and changes go through the actions.

Nothing is added, edited or deleted here, since that would go past the journal's promises, or past the rule that
somebody must stay who can run the site. All staff may look; only administrators are offered the actions. Lists show
the first 1,000 rows that match; no page counts a whole table.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode

from . import actions, conf
from .errors import SessionsiteError
from .models import (
    AuditEvent,
    BrowserLogin,
    BulkRun,
    CleanupRun,
    Import,
    ImportedPart,
    Interaction,
    Merge,
    Profile,
    SavedView,
    Schedule,
    Session,
    SessionTag,
    Token,
    Tombstone,
    UserMerge,
)
from .querysets import SessionQuerySet
from .records import Actor, Face, InteractionKind

MOST_ROWS = 1_000
MOST_SELECTED = 100

admin.site.site_header = "Sessionsite"
admin.site.site_title = "Sessionsite admin"
admin.site.index_title = "All records"

if TYPE_CHECKING:
    # Django's classes are generic for the type checker only.
    AnyPaginator = Paginator[Any]
    ModelAdmin = admin.ModelAdmin[Any]
else:
    AnyPaginator = Paginator
    ModelAdmin = admin.ModelAdmin


class BoundedPaginator(AnyPaginator):
    """Counts no further than `MOST_ROWS`, so that a page costs the same in a store of a million."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_ROWS)

    @property
    def is_cut(self) -> bool:
        """Whether there are more than it pages through."""
        return self._counted > MOST_ROWS

    @cached_property
    def _counted(self) -> int:
        return len(self.object_list.order_by().values_list("pk")[: MOST_ROWS + 1])  # type: ignore[attr-defined]


class ReadOnlyAdmin(ModelAdmin):
    """A table to look at."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    show_facets = admin.ShowFacets.NEVER
    # A million rows are read in the order of an index, or not at all.
    sortable_by: ClassVar[tuple[str, ...]] = ()
    # Columns that may hold megabytes: read for one row's own page, never for a list.
    heavy: ClassVar[tuple[str, ...]] = ()
    exact_search: ClassVar[tuple[str, ...]] = ()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return admin.site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return admin.site.has_permission(request)

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Django asks this of every action with `permissions=["act"]`."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer(*self.heavy)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.exact_search

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Whole values only, which an index answers."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q()
        for name in self.exact_search:
            with suppress(ValidationError):
                # Text is no number, and so nobody's.
                wanted |= Q(**{name: self.model._meta.get_field(name).to_python(term)})
        return (queryset.filter(wanted) if wanted else queryset.none()), False


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name.capitalize()) for name in actions.STATES if name != "all"]

    def queryset(self, request: HttpRequest, queryset: SessionQuerySet) -> SessionQuerySet:  # type: ignore[override]
        name = self.value()
        if name not in actions.STATES or name == "all":
            return queryset
        chosen = actions.matching(actions.SessionFilters(state=name))
        return queryset & chosen


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, kind.value.replace("_", " ").capitalize()) for kind in InteractionKind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


def each(request: HttpRequest, sessions: SessionQuerySet, done: str, act: Callable[[str, Actor], object]) -> None:
    """Do something to each selected session; one that is refused keeps no other from it."""
    actor = Actor(request.user.get_username(), Face.ADMIN)
    count = 0
    for pk in _selected(sessions):
        try:
            act(pk, actor)
            count += 1
        except SessionsiteError as error:
            messages.error(request, str(error))
    if count:
        messages.success(request, f"{count} session{'s' * (count != 1)} {done}.")


def merge_all(request: HttpRequest, survivor: Session, absorbed: Sequence[Session]) -> None:
    """Merge them at once, so that one undoing takes all of it back."""
    actor = Actor(request.user.get_username(), Face.ADMIN)
    try:
        done = actions.merge_sessions(survivor.pk, absorbed=[row.pk for row in absorbed], actor=actor)
    except SessionsiteError as error:
        messages.error(request, str(error))
        return
    count = len(done.merges)
    url = reverse("sessions:merged", args=[done.pk])
    text = '{} session{} merged into {}. <a href="{}">The merge, and its undoing</a>'
    messages.success(request, format_html(text, count, "s" * (count != 1), survivor.pk, url))


def _selected(sessions: SessionQuerySet) -> list[str]:
    return list(sessions.order_by("created_at", "pk").values_list("pk", flat=True)[:MOST_SELECTED])


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("name", "user_id", "source", "life", "interaction_count", "last_activity_at", "session_id")
    list_filter = (StateFilter,)
    exact_search = ("session_id", "user_id")
    search_help_text = "A whole session ID or user ID"
    heavy = ("context_summary", "active_topics", "user_preferences", "project_context", "semantic_context", "metadata")
    readonly_fields = ("page",)
    actions = ("export", "merge", "hold", "release", "trash", "clean_up")

    @admin.display(description="title")
    def name(self, session: Session) -> str:
        return str(session)[:100]

    @admin.display(description="state")
    def life(self, session: Session) -> str:
        held = ", held" if session.held_at else ""
        return f"{session.state(conf.expires_before())}{held}"

    @admin.display(description="page")
    def page(self, session: Session) -> str:
        return format_html('<a href="{}">Open the session</a>', reverse("sessions:detail", args=[session.pk]))

    @admin.action(description="Export as a ZIP of JSON documents")
    def export(self, request: HttpRequest, queryset: SessionQuerySet) -> HttpResponseBase:
        response = StreamingHttpResponse(actions.export_archive(_selected(queryset)), content_type="application/zip")
        response["Content-Disposition"] = 'attachment; filename="sessions.zip"'
        return response

    @admin.action(description="Merge into the oldest of them…", permissions=["act"])
    def merge(self, request: HttpRequest, queryset: SessionQuerySet) -> HttpResponse | None:
        survivor, *absorbed = list(queryset.order_by("created_at", "pk")[:MOST_SELECTED])
        if not absorbed:
            messages.error(request, "Choose two sessions or more.")
            return None
        if "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": "Merge sessions",
                "opts": self.model._meta,
                "survivor": survivor,
                "absorbed": absorbed,
            }
            return render(request, "admin/conversations/session/merge.html", context)
        merge_all(request, survivor, absorbed)
        return None

    @admin.action(description="Hold: exempt from cleanup", permissions=["act"])
    def hold(self, request: HttpRequest, queryset: SessionQuerySet) -> None:
        each(request, queryset, "held", lambda pk, actor: actions.hold_session(pk, actor=actor))

    @admin.action(description="Release the hold", permissions=["act"])
    def release(self, request: HttpRequest, queryset: SessionQuerySet) -> None:
        each(request, queryset, "released", lambda pk, actor: actions.release_hold(pk, actor=actor))

    @admin.action(description="Move to the trash", permissions=["act"])
    def trash(self, request: HttpRequest, queryset: SessionQuerySet) -> None:
        each(request, queryset, "moved to the trash", lambda pk, actor: actions.trash_session(pk, actor=actor))

    @admin.action(description="Clean up: see the plan for their users…", permissions=["act"])
    def clean_up(self, request: HttpRequest, queryset: SessionQuerySet) -> HttpResponse:
        """A cleanup takes what is idle, not what is selected; the selection only says whose."""
        users = set(queryset.order_by().values_list("user_id", flat=True)[:MOST_SELECTED])
        rule = {"idle_days": str(conf.expire_days())}
        if len(users) == 1:
            rule["user"] = users.pop()
        return redirect(f"{reverse('sessions:cleanup')}?{urlencode(rule)}")


@admin.register(Interaction)
class InteractionAdmin(ReadOnlyAdmin):
    list_display = ("id", "session_id", "sequence", "kind", "tool_name", "model", "status", "occurred_at")
    list_filter = (KindFilter,)
    list_select_related = False
    # Its IDs are in the order of time, and its primary key's index is the one that every database has.
    ordering = ("-id",)
    exact_search = ("session_id",)
    search_help_text = "A whole session ID"
    heavy = (
        "prompt",
        "response",
        "reasoning",
        "error_message",
        "tool_parameters",
        "metadata",
        "source_record",
        "origins",
    )
    raw_id_fields = ("session", "parent")


@admin.register(SessionTag)
class SessionTagAdmin(ReadOnlyAdmin):
    list_display = ("name", "session_id")
    ordering = ("name", "session_id")
    exact_search = ("name", "session_id")
    search_help_text = "A whole tag or session ID"


@admin.register(Profile)
class ProfileAdmin(ReadOnlyAdmin):
    list_display = ("user_id", "created_at", "updated_at")
    exact_search = ("user_id",)
    search_help_text = "A whole user ID"
    heavy = ("preferences",)


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    list_display = ("id", "absorbed_id", "survivor_id", "group_id", "merged_at", "merged_by", "undone_at")
    ordering = ("-id",)
    exact_search = ("survivor_id", "absorbed_id")
    search_help_text = "A whole session ID"
    heavy = ("survivor_before", "survivor_after", "absorbed_before")


@admin.register(UserMerge)
class UserMergeAdmin(ReadOnlyAdmin):
    list_display = ("id", "absorbed_id", "kept_id", "session_count", "merged_at", "merged_by", "undone_at")
    ordering = ("-id",)
    exact_search = ("kept_id", "absorbed_id")
    search_help_text = "A whole user ID"
    heavy = ("kept_before", "kept_after", "session_ids")


@admin.register(BulkRun)
class BulkRunAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "verb", "actor", "phase", "total", "done", "skipped", "undone")
    ordering = ("-created_at", "-id")


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "created_by", "face", "state", "size_bytes", "finished_at", "undone_at")
    ordering = ("-id",)
    heavy = ("preview", "report", "file_names")


@admin.register(ImportedPart)
class ImportedPartAdmin(ReadOnlyAdmin):
    list_display = ("run_id", "session_id", "is_new", "first", "last")
    list_select_related = False
    ordering = ("-id",)
    exact_search = ("session_id",)
    search_help_text = "A whole session ID"
    raw_id_fields = ("run",)


@admin.register(CleanupRun)
class CleanupRunAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "face", "planned", "trashed", "purged", "restored", "finished_at")
    ordering = ("-at",)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ("name", "owner", "is_shared", "is_default", "updated_at")
    list_select_related = ("owner",)
    ordering = ("name", "id")
    exact_search = ("name",)
    search_help_text = "A whole name"


@admin.register(Tombstone)
class TombstoneAdmin(ReadOnlyAdmin):
    list_display = ("session_id", "purged_at", "purged_by", "reason", "interaction_count", "mirrored_at")
    ordering = ("session_id",)
    exact_search = ("session_id",)
    search_help_text = "A whole session ID"


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """Without its digest, which a secret could be tried against."""

    list_display = ("name", "prefix", "scope", "user_id", "made_by", "made_at", "expires_at", "revoked_at")
    ordering = ("-made_at", "-id")
    heavy = ("digest",)
    exact_search = ("name", "user_id")
    search_help_text = "A whole name or user ID"
    fields = (
        *("name", "prefix", "scope", "user_id", "requests_per_minute", "made_by", "made_at"),
        *("expires_at", "last_used_at", "revoked_at", "revoked_by"),
    )


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "actor", "face", "verb", "session_id")
    ordering = ("-id",)
    exact_search = ("session_id",)
    search_help_text = "A whole session ID"


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ("name", "next_run_at", "running_since", "last_finished_at")


admin.site.unregister(Group)
admin.site.unregister(User)


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ("username", "is_active", "is_staff", "is_superuser", "last_login", "date_joined")
    exact_search = ("username",)
    search_help_text = "A whole name"
    fields = ("username", "is_active", "is_staff", "is_superuser", "last_login", "date_joined", "page")
    readonly_fields = ("page",)

    @admin.display(description="page")
    def page(self, user: User) -> str:
        return format_html('<a href="{}">Change the account</a>', reverse("sessions:account-detail", args=[user.pk]))


@admin.register(BrowserLogin)
class BrowserLoginAdmin(ReadOnlyAdmin):
    """Without its key and content, which are as good as a password."""

    list_display = ("account_id", "expire_date")
    list_display_links = None
    ordering = ("account_id", "expire_date")
    heavy = ("session_data",)
    exact_search = ("account_id",)
    search_help_text = "An account's number"
    fields = ("account_id", "expire_date")

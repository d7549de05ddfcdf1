"""The browser face's addresses."""

from django.urls import URLPattern, URLResolver, path

from .views import account, cleanup, health, home, life, listing, merging, session
from .views.page import page

app_name = "sessions"

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", account.SignIn.as_view(), name="sign-in"),
    path("sign-out/", account.SignOut.as_view(), name="sign-out"),
    page("", home.home, name="home"),
    page("sessions/", listing.sessions, name="list"),
    page("r/<str:session_id>", session.resume_link, name="resume-link"),
    page("sessions/<str:session_id>/", session.detail, name="detail"),
    page("sessions/<str:session_id>/i/<int:sequence>/", session.interaction, name="interaction"),
    page("sessions/<str:session_id>/context/", session.edit_context, name="context"),
    page("sessions/<str:session_id>/resume/", session.resume, name="resume"),
    page("sessions/<str:session_id>/export.json", session.export, name="export"),
    page("sessions/<str:session_id>/merge/", merging.merge, name="merge"),
    page("sessions/<str:session_id>/hold/", life.hold, name="hold"),
    page("sessions/<str:session_id>/release/", life.release, name="release"),
    page("sessions/<str:session_id>/trash/", life.trash, name="trash-session"),
    page("sessions/<str:session_id>/restore/", life.restore, name="restore"),
    page("sessions/<str:session_id>/purge/", life.purge, name="purge"),
    page("merges/<uuid:merge_id>/undo/", merging.unmerge, name="unmerge"),
    page("cleanup/", cleanup.plan, name="cleanup"),
    page("cleanup/apply/", cleanup.apply, name="cleanup-apply"),
    page("trash/", life.trash_list, name="trash"),
    page("health/", health.health, name="health"),
]

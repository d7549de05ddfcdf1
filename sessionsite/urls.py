"""The site's addresses."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from sessions.api.transport import for_programs, unknown_address
from sessions.views.account import SignOut, admin_sign_in

urlpatterns = [
    # First, because programs ask oftenest.
    path("api/v1/", include("sessions.api.face")),
    re_path(r"^api(?:/|$)", for_programs(unknown_address)),
    path("mcp", include("sessions.mcp_server.urls")),
    # The admin's own pages for these know neither the limit of sign-ins nor the audit log, nor what a browser keeps.
    path("admin/login/", admin_sign_in),
    path("admin/logout/", SignOut.as_view()),
    path("admin/password_change/", RedirectView.as_view(pattern_name="sessions:account")),
    path("admin/", admin.site.urls),
    path("", include("sessions.urls")),
]

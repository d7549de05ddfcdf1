"""Settings of a site that the conformance suite is let into: the suite brings no token and wants tools of its own."""

from sessionsite.settings import *  # noqa: F403
from sessionsite.settings import MIDDLEWARE as THE_SITES_OWN

MIDDLEWARE = ["tests.mcp_server.conformance.urls.WithToken", *THE_SITES_OWN]
# Nobody collected static files for it, and a refused host is told on a page.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ROOT_URLCONF = "tests.mcp_server.conformance.urls"

"""Settings of the tests: Sessionsite's own, untouched by the developer's environment and `.env`.

Only DATABASE_URL is heard, for running the suite on PostgreSQL. Paths given here are never written to:
the fixtures in conftest.py put a temporary folder in their place.
"""

import os

for name in [name for name in os.environ if name.startswith("SESSIONSITE_")] + ["LOG_LEVEL", "LOG_FORMAT"]:
    os.environ.pop(name, None)
os.environ["SESSIONSITE_ENV_FILE"] = os.devnull
os.environ["SESSIONSITE_DATA_DIR"] = "/nonexistent/sessionsite-tests"
os.environ["SESSIONSITE_SECRET_KEY"] = "a key for tests only, long enough to be taken for a good one"

from sessionsite.settings import *  # noqa: E402, F403

# A test that signs in need not wait for a hash made to be slow.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The manifest would have to be collected first.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

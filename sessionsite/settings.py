"""Django's settings, all from the environment; docs/configuration.md describes every variable."""

from pathlib import Path

from django.utils.csp import CSP

from . import env
from .database import database_config
from .logs import logging_config
from .secret_key import load_or_create

BASE_DIR = Path(__file__).resolve().parent.parent

# Read here and not by `make run` alone: a command that missed the file would work on another store.
env.load_file(Path(env.text("SESSIONSITE_ENV_FILE", str(BASE_DIR / ".env"))))

# --- Where things live -------------------------------------------------------------------------------------

DATA_DIR = Path(env.text("SESSIONSITE_DATA_DIR", str(BASE_DIR / "data"))).expanduser().absolute()
DEBUG = env.boolean("SESSIONSITE_DEBUG")
SECRET_KEY = env.text("SESSIONSITE_SECRET_KEY") or load_or_create(DATA_DIR)

SESSIONSITE_HOST = env.text("SESSIONSITE_HOST", "127.0.0.1")
SESSIONSITE_PORT = env.integer("SESSIONSITE_PORT", 8000, minimum=1, maximum=65535)
ALLOWED_HOSTS = env.words("SESSIONSITE_ALLOWED_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("SESSIONSITE_TRUSTED_ORIGINS")
SESSIONSITE_TRUSTED_PROXIES = env.networks("SESSIONSITE_TRUSTED_PROXIES")
# Files go to disk as they come, and only where they are wanted; it counts them itself.
FILE_UPLOAD_HANDLERS = ["sessions.views.uploads.Upload"]
DATA_UPLOAD_MAX_NUMBER_FILES = None

# --- Agents ------------------------------------------------------------------------------------------------

SESSIONSITE_REQUESTS_PER_MINUTE = env.integer("SESSIONSITE_REQUESTS_PER_MINUTE", 6_000, minimum=1, maximum=1_000_000)
SESSIONSITE_MAX_REQUEST_MB = env.integer("SESSIONSITE_MAX_REQUEST_MB", 32, minimum=1, maximum=1_024)
SESSIONSITE_MAX_UPLOAD_MB = env.integer("SESSIONSITE_MAX_UPLOAD_MB", 2_048, minimum=1, maximum=1_048_576)

# --- The life of a session ---------------------------------------------------------------------------------

SESSIONSITE_EXPIRE_DAYS = env.integer("SESSIONSITE_EXPIRE_DAYS", 7, minimum=1, maximum=36_500)
SESSIONSITE_TRASH_DAYS = env.integer("SESSIONSITE_TRASH_DAYS", 30, minimum=1, maximum=36_500)

# --- Database ----------------------------------------------------------------------------------------------

DATABASES = {"default": database_config(env.text("DATABASE_URL"), data_dir=DATA_DIR)}

# --- Django ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "sessions.apps.SessionsConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "sessionsite.short_way.ShortWay",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sessions.views.entrance.SignInFirst",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "sessions.views.zone.ViewersZone",
]

# The search's passages go with what they were taken from by the database itself, however that was deleted. That what
# they refer to has references of the other kind does them no harm: nobody waits for a passage's signals.
SILENCED_SYSTEM_CHECKS = ["fields.E323"]

ROOT_URLCONF = "sessionsite.urls"
WSGI_APPLICATION = "sessionsite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

STATIC_URL = "static/"
# Not in the checkout, which may be read-only and may serve several stores.
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        # The manifest exists only after collectstatic; a debug server serves the sources.
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "sessionsite.static_files.ManifestStorage"
    },
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sessions:sign-in"
LOGIN_REDIRECT_URL = "sessions:home"
LOGOUT_REDIRECT_URL = "sessions:sign-in"

LANGUAGE_CODE = "en-us"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# --- Security ----------------------------------------------------------------------------------------------

# A browser's login is a session too; its cookie says which kind it is.
SESSION_COOKIE_NAME = "sessionsite_login"
SESSION_ENGINE = "sessionsite.logins"
CSRF_COOKIE_NAME = "sessionsite_csrf"
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "frame-ancestors": [CSP.NONE],
    "base-uri": [CSP.NONE],
}

# On a plain-http loopback address secure cookies would lock everybody out, so TLS is declared, not assumed.
if env.boolean("SESSIONSITE_HTTPS"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # A probe on the machine itself asks without TLS; it learns nothing but that the site is well.
    SECURE_REDIRECT_EXEMPT = [r"^health/?$", r"^api/v1/health/(live|ready)$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Logging -----------------------------------------------------------------------------------------------

LOGGING = logging_config(
    level=env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")),
    log_format=env.choice("LOG_FORMAT", "console", ("console", "json")),
)

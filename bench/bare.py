"""The baseline of `bench.rest`: a bare Django that inserts one row a request through the ORM, and nothing else.

`startproject`'s middlewares, SQLite with WAL and `synchronous=FULL`, a persistent connection, one model of a prompt and
a response. No tokens, no checks, no second copy, no search. Beside it the least that a second copy costs: the same
insert, and a line of JSON appended to a file and synced.
"""

import json
import os
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection, models
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    SECRET_KEY="a key for a bench only",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="bench.bare",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["BARE_DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
            },
        }
    },
)
django.setup()


class Line(models.Model):
    """What is inserted."""

    prompt = models.TextField()
    response = models.TextField()

    class Meta:
        app_label = "bare"

    def __str__(self) -> str:
        return str(self.pk)


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    said = json.loads(request.body)
    line: Any = Line._default_manager.create(prompt=said["prompt"], response=said["response"])
    return JsonResponse({"id": line.pk}, status=201)


@csrf_exempt
def insert_in_both(request: HttpRequest) -> JsonResponse:
    response = insert(request)
    descriptor = os.open(f"{os.environ['BARE_DATABASE']}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, request.body + b"\n")
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return response


urlpatterns = [path("insert", insert), path("insert-in-both", insert_in_both)]


def prepare() -> None:
    """Make the table, in the process that loads the application before it forks."""
    if not Path(os.environ["BARE_DATABASE"]).exists():
        with connection.schema_editor() as editor:
            editor.create_model(Line)
        connection.close()


prepare()
application = get_wsgi_application()

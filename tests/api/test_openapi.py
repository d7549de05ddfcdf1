"""The OpenAPI document and the pages about it are a contract: everything that is answered stands there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from pydantic import TypeAdapter

from sessions import errors
from sessions.api import openapi
from sessions.api.examples import EXAMPLES
from sessions.api.face import api, operations
from sessions.records import Scope

pytestmark = pytest.mark.django_db

GUIDE = Path(settings.BASE_DIR) / "docs" / "rest-api.md"
PATHS: dict[str, dict[str, Any]] = openapi.document()["paths"]
FOUND = [(method, path, one) for path, methods in PATHS.items() for method, one in methods.items()]
every_operation = pytest.mark.parametrize(
    ("method", "path", "operation"), FOUND, ids=[one["operationId"] for *_, one in FOUND]
)


def test_it_lists_every_operation_with_its_scope() -> None:
    told = [(method.upper(), path, one["operationId"], one.get("x-scope")) for method, path, one in FOUND]
    assert sorted(told, key=str) == sorted(operations(), key=str)
    assert len({name for *_, name, _ in operations()}) == len(told)


@every_operation
def test_it_describes_an_operation(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["tags"]
    assert operation["security"] == ([{"token": []}] if "x-scope" in operation else [])
    assert set(re.findall(r"{(\w+)}", path)) == {one["name"] for one in operation["parameters"] if one["in"] == "path"}
    assert all(one.get("description") or one["in"] == "path" for one in operation["parameters"])


@every_operation
def test_it_names_what_may_be_refused(method: str, path: str, operation: dict[str, Any]) -> None:
    statuses = set(operation["responses"])
    if "x-scope" in operation:
        assert {"400", "401", "429", "503"} <= statuses
        assert ("403" in statuses) or operation["x-scope"] == Scope.READ
    if "requestBody" in operation:
        takes_json = "application/json" in operation["requestBody"]["content"]
        assert {"413", "415"} <= statuses or (not takes_json and "413" in statuses)
    for status, told in operation["responses"].items():
        problem = "application/problem+json" in told.get("content", {})
        assert problem == (int(status) >= 400)
        assert not problem or re.fullmatch(r"`\w+`(, `\w+`)*", told["description"])


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(openapi.document())
    document = openapi.document()
    for kind, name in set(re.findall(r'"#/components/(\w+)/([\w-]+)"', text)):
        assert name in document["components"][kind]
    assert '"title": "Session Id"' not in text


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_its_examples_have_the_shape_that_is_asked_for(name: str) -> None:
    [operation] = [
        one
        for bound in api._get_bound_routers()
        for view in bound.path_operations.values()
        for one in view.operations
        if one.operation_id == name
    ]
    [body] = [model for model in operation.models if model.__ninja_param_source__ == "body"]
    TypeAdapter(body).validate_python({next(iter(body.model_fields)): EXAMPLES[name]})


def content_of(operation: dict[str, Any]) -> dict[str, Any]:
    return dict(operation.get("requestBody", {}).get("content", {}))


def test_every_body_has_an_example() -> None:
    assert {one["operationId"] for *_, one in FOUND if "application/json" in content_of(one)} == set(EXAMPLES)


@every_operation
def test_the_guide_tells_of_an_operation(method: str, path: str, operation: dict[str, Any]) -> None:
    assert f"`{method.upper()} {path}`" in GUIDE.read_text()


def test_the_guide_tells_of_every_code() -> None:
    told = set(re.findall(r"^\| `(\w+)` \| \d{3} \|", GUIDE.read_text(), re.MULTILINE))
    possible = {
        code
        for *_, one in FOUND
        for response in one["responses"].values()
        for code in re.findall(r"`(\w+)`", response["description"])
    }
    assert told == possible | {"method_not_allowed", "server_error"}
    assert told <= {kind.code for kind in _all(errors.SessionsiteError)}


def _all(kind: type[errors.SessionsiteError]) -> set[type[errors.SessionsiteError]]:
    return {kind, *(below for child in kind.__subclasses__() for below in _all(child))}


def test_the_page_tells_of_every_operation(admin_client: Client) -> None:
    page = admin_client.get("/api/v1/docs").text
    for *_, one in FOUND:
        assert f'<details class="operation" id="{one["operationId"]}">' in page
    for name in re.findall(r'href="#shape-(\w+)"', page):
        assert f'id="shape-{name}"' in page
    assert "curl -X POST http://testserver/api/v1/sessions \\" in page
    assert "style=" not in page


def test_the_page_is_for_staff(client: Client, django_user_model: Any) -> None:
    assert client.get("/api/v1/docs")["Location"] == "/sign-in/?next=/api/v1/docs"
    client.force_login(django_user_model.objects.create_user("bob"))
    assert client.get("/api/v1/docs").status_code == 403
    client.force_login(django_user_model.objects.create_user("carol", is_staff=True))
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert client.get("/health/").text.count('href="/api/v1/docs"') == 1

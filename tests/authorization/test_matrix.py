"""Who may do what, for every address, method, tool, resource and prompt of the site.

The tables in `browser` and `programs` declare each verdict once. An address or a tool without a row makes a test red.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from sessions import throttle
from sessions.api.face import operations
from sessions.mcp_server.tools import TOOLS as REAL_TOOLS
from sessions.records import Scope
from tests.agents.estate import Estate, settle
from tests.views import pages
from tests.views.store import grow, make_pages_work

from .browser import ADMIN_TABLE, OTHERS, PAGES
from .faces import (
    MAY_CHANGE,
    METHODS,
    TOKENS,
    Verdict,
    Visitor,
    Who,
    everything,
    make_accounts,
    taken_back,
    verdict_of,
    visitor,
)
from .programs import PROMPTS, RESOURCES, REST, TOOLS, Operation, message, rest_path, verdict_of_reply

pytestmark = pytest.mark.django_db
every_column = pytest.mark.parametrize("who", Who)
PAGE_ADDRESSES = {
    **pages.PAGES,
    **pages.POSTS,
    "sign-in": "/sign-in/",
    "sign-out": "/sign-out/",
    "hook-bundle": "/clients/claude-code.pyz",
}


@pytest.fixture(autouse=True)
def unspent() -> None:
    throttle.forget()


@pytest.fixture
def estate() -> Estate:
    """All that is asked for here is alice's, or nobody's."""
    make_accounts()
    make_pages_work()
    # A row in every table that the admin shows.
    grow(0, 1)
    return settle("alice")


# --- the tables are whole -------------------------------------------------------------------------------------


def every_pattern(
    patterns: Sequence[URLPattern | URLResolver] | None = None, before: str = ""
) -> Iterator[tuple[str, str]]:
    """The route of every address of the site, and its name."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from every_pattern(one.url_patterns, route)
        else:
            yield route, str(one.name)


def admin_routes() -> dict[str, object]:
    tables = [f"admin/{model._meta.app_label}/{model._meta.model_name}/" for model in admin.site._registry]
    return {f"{table}{kind}": page for table in tables for kind, page in ADMIN_TABLE.items()}


def rest_routes() -> set[str]:
    return {f"api/v1{path}" for _, path, _, _ in operations()}


def test_every_address_has_a_row() -> None:
    found = {re.sub(r"<\w+:(\w+)>|<(\w+)>", r"{\1\2}", route) if route.startswith("api/") else route: name
             for route, name in every_pattern()}  # fmt: skip
    named = {route: name for route, name in found.items() if name in PAGES and not route.startswith(("admin/", "api/"))}
    assert set(named.values()) == set(PAGES)
    assert set(found) - set(named) == {*OTHERS, *admin_routes(), *rest_routes(), "mcp"}
    assert set(PAGE_ADDRESSES) == set(PAGES)


def test_every_operation_tool_resource_and_prompt_has_a_row(estate: Estate) -> None:
    asking = visitor(Who.ADMIN)
    assert {name for _, _, name, _ in operations()} == set(REST)
    assert set(REAL_TOOLS) == set(TOOLS)
    listed = {
        method: reply_to(asking, f"{method}/list")["result"] for method in ("resources/templates", "prompts", "tools")
    }
    assert {one["uriTemplate"] for one in listed["resources/templates"]["resourceTemplates"]} == set(RESOURCES)
    assert {one["name"] for one in listed["prompts"]["prompts"]} == set(PROMPTS)
    assert {one["name"] for one in listed["tools"]["tools"]} == set(TOOLS)


# --- the pages ------------------------------------------------------------------------------------------------


def page_rows() -> Iterator[tuple[str, Any, str]]:
    yield from ((name, row, PAGE_ADDRESSES[name]) for name, row in PAGES.items())
    yield from ((route, row, address) for route, (address, row) in OTHERS.items())
    for model in admin.site._registry:
        table = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
        found = model._default_manager.first()
        sample = str(found.pk) if found else "none"
        yield from ((f"{table}{kind}", row, f"/{table}{kind}".replace("<path:object_id>", sample))
                    for kind, row in ADMIN_TABLE.items())  # fmt: skip


@every_column
def test_pages(estate: Estate, who: Who) -> None:
    asking = visitor(who)
    before = everything()
    wrong = []
    for name, row, address in page_rows():
        for method in METHODS:
            wanted = row.verdict(who, method)
            may_change = method != "GET" and (who in MAY_CHANGE or getattr(row, "own", False))
            with taken_back() if may_change else nullcontext():
                found = verdict_of(asking.ask(method, address))
            # Whoever may come in may ask for what is not there.
            found = Verdict.LET_IN if (found, wanted) == (Verdict.UNKNOWN, Verdict.LET_IN) else found
            wrong += [f"{method} {name}: {found}, not {wanted}"] if found is not wanted else []
    assert wrong == []
    assert everything() == before


@pytest.mark.parametrize("who", [Who.ANONYMOUS, Who.OUTSIDER, Who.READER, Who.ADMIN])
def test_admin_actions(estate: Estate, who: Who) -> None:
    """Who may look at the admin's lists may not do with them what only administrators may."""
    asking, before = visitor(who), everything()
    for model, table in admin.site._registry.items():
        for action in ["delete_selected", *(getattr(one, "__name__", str(one)) for one in table.actions or ())]:
            with taken_back() as watch:
                path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
                asking.ask("POST", path, f"action={action}&_selected_action={estate.main}&confirmed=1")
                assert not watch.saw_changes or everything() == before, (path, action)


# --- the programs ---------------------------------------------------------------------------------------------


def reply_to(asking: Visitor, method: str, **params: Any) -> Any:
    body, headers = message(method, **params)
    return json.loads(asking.ask("POST", "/mcp", body, **headers).text)  # type: ignore[attr-defined]


def content_of(response: Any) -> str:
    if not response.streaming:
        return str(response.text)
    content = b"".join(response.streaming_content)
    if response["Content-Type"] != "application/zip":
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


def faults(who: Who, name: str, operation: Operation, found: Verdict, told: str, is_changed: bool) -> Iterator[str]:
    """What is not as it was declared; `told` is the answer."""
    if found is not operation.verdict(who):
        yield f"{name}: {found}, not {operation.verdict(who)}"
    denied = operation.verdict(who) is not Verdict.LET_IN
    if is_changed and (denied or who not in MAY_CHANGE or operation.scope in (Scope.READ, None)):
        yield f"{name}: changes something"
    if who is Who.BOUND and found is Verdict.LET_IN and re.search(r"request \d|alice-(?!main)", told):
        yield f"{name}: tells something of alice's"


@every_column
def test_rest(estate: Estate, who: Who) -> None:
    asking = visitor(who)
    before = everything()
    wrong: list[str] = []
    for method, template, name, _ in operations():
        operation = REST[name]
        sent = operation.sent(estate)
        with taken_back() as watch:
            body = "" if sent is None else json.dumps(sent)
            response = asking.ask(method, rest_path(template, operation, estate), body)
            found, told = verdict_of(response), content_of(response)
            wrong += faults(who, name, operation, found, told, watch.saw_changes and everything() != before)
    assert wrong == []
    known: dict[str, set[str]] = {}
    for method, template, name, _ in operations():
        known.setdefault(rest_path(template, REST[name], estate).partition("?")[0], set()).add(method)
    others = [(method, path) for path, methods in known.items() for method in METHODS if method not in methods]
    let_in = [pair for pair in others if verdict_of(asking.ask(*pair)) is not Verdict.NO_METHOD]
    assert (let_in, everything()) == ([], before)


@every_column
def test_mcp(estate: Estate, who: Who) -> None:
    asking = visitor(who)
    before = everything()
    wrong: list[str] = []
    asked = {
        **{("tools/call", name): tool for name, tool in TOOLS.items()},
        **{("resources/read", name): resource for name, resource in RESOURCES.items()},
        **{("prompts/get", name): prompt for name, prompt in PROMPTS.items()},
    }
    for (method, name), operation in asked.items():
        given = {"uri": name.format(session_id=estate.main)} if method == "resources/read" else {
            "name": name, "arguments": operation.sent(estate)}  # fmt: skip
        body, headers = message(method, **given)
        with taken_back() as watch:
            response: Any = asking.ask("POST", "/mcp", body, **headers)
            found = verdict_of(response)
            if found is Verdict.LET_IN:
                found = verdict_of_reply(json.loads(response.text))
            wrong += faults(who, name, operation, found, response.text, watch.saw_changes and everything() != before)
    assert wrong == []
    others = [method for method in METHODS if method != "POST"]
    assert {verdict_of(asking.ask(method, "/mcp")) for method in others} == {Verdict.NO_METHOD}


@every_column
def test_tools_that_are_listed(who: Who) -> None:
    make_accounts()
    body, headers = message("tools/list")
    response: Any = visitor(who).ask("POST", "/mcp", body, **headers)
    if who in TOKENS:
        seen = [one["name"] for one in json.loads(response.text)["result"]["tools"]]
        assert sorted(seen) == sorted(name for name, tool in TOOLS.items() if tool.verdict(who) is not Verdict.REFUSED)
    else:
        assert verdict_of(response) is Verdict.NO_TOKEN


@pytest.mark.parametrize("who", TOKENS)
def test_completions_of_what_is_alices(estate: Estate, who: Who) -> None:
    ref = {"type": "ref/resource", "uri": "session://{session_id}"}
    argument = {"name": "session_id", "value": "alice-"}
    values = reply_to(visitor(who), "completion/complete", ref=ref, argument=argument)["result"]["completion"]["values"]
    assert (estate.main in values) is (who is not Who.BOUND)
    assert who is not Who.BOUND or values == []

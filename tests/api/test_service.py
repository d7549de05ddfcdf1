"""The service itself: who a token is, health, figures, the OpenAPI document."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from sessions import actions
from tests.builders import ALICE, log, make_session

from .programs import Program, code, told


def test_it_tells_a_token_who_it_is(bound: Callable[[str], Program]) -> None:
    assert told(bound("write").get("/me")) == {
        "name": "a writeer",
        "scope": "write",
        "user_id": "alice",
        "expires_at": None,
        "requests_per_minute": 6_000,
    }


def test_it_lives_and_is_ready_without_a_token(client: Client, data_dir: Path) -> None:
    data_dir.mkdir()
    for path in ("live", "ready"):
        answer = client.get(f"/api/v1/health/{path}")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer["Cache-Control"] == "no-store"


def test_it_is_not_ready_without_its_folder(client: Client) -> None:
    answer = client.get("/api/v1/health/ready")
    assert code(answer) == (503, "not_ready")
    assert answer["Retry-After"] == "5"
    assert "data directory" in told(answer)["detail"]
    assert client.get("/api/v1/health/live").status_code == 200


def test_it_is_not_ready_without_its_database(client: Client, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def down() -> None:
        raise OperationalError("no such host: secret.example")

    data_dir.mkdir()
    monkeypatch.setattr(connection, "cursor", down)
    answer = client.get("/api/v1/health/ready")
    assert code(answer) == (503, "not_ready")
    assert b"secret" not in answer.content


def figures_of(program: Program) -> dict[str, float]:
    families = text_string_to_metric_families(program.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return {one.name + one.labels.get("state", "") + one.labels.get("kind", ""): one.value for one in samples}


def test_it_tells_prometheus_its_figures(reader: Program) -> None:
    log(make_session(turns=2), prompt="x")
    make_session(idle_days=9)
    actions.trash_session(make_session().pk, actor=ALICE)
    figures = figures_of(reader)
    assert figures["sessionsite_interactions"] == 3
    assert [figures[f"sessionsite_sessions{state}"] for state in ("active", "expired", "trashed")] == [1, 1, 1]
    assert figures["sessionsite_build_info"] == 1
    assert figures["sessionsite_mirror_debtsession"] == figures["sessionsite_mirror_debt_age_seconds"] == 0
    assert figures["sessionsite_quarantined_files"] == figures["sessionsite_worker_up"] == 0
    assert figures["sessionsite_search_debt"] == 3
    assert min(figures["sessionsite_database_bytes"], figures["sessionsite_disk_free_bytes"]) > 0


def test_it_counts_as_often_for_many_sessions(reader: Program) -> None:
    counts = []
    # The first request of a token writes down that it was used.
    reader.get("/metrics")
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            reader.get("/metrics")
        counts.append(len(queries))
        for _ in range(5):
            make_session(turns=1)
    assert counts[0] == counts[1] <= 15


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
def test_it_tells_figures_in_the_format_that_is_accepted(reader: Program, accept: str, kind: str) -> None:
    assert reader.get("/metrics", Accept=accept)["Content-Type"].startswith(kind)


def test_figures_are_not_for_who_is_bound_to_a_user(bound: Callable[[str], Program]) -> None:
    assert code(bound("admin").get("/metrics")) == (403, "scope_missing")


def test_it_hands_out_its_document(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")
    document = json.loads(answer.content)
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/api/v1"}]
    assert answer["Cache-Control"] == "public, max-age=300"

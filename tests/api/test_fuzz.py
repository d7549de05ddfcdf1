"""Schemathesis over the OpenAPI document, a little in each run, and ten thousand cases by `python -m bench.fuzz`."""

from typing import Any

import pytest

from bench import fuzz
from sessions.api import openapi
from sessionsite.wsgi import application

from .programs import BASE, Program, told


def send_case(token: str) -> fuzz.Send:
    headers = {"Authorization": f"Bearer {token}", "Host": "localhost"}
    return lambda case: case.call(base_url=f"http://localhost{BASE}", app=application, headers=headers)


@pytest.mark.parametrize("cases", [90, pytest.param(2_000, marks=pytest.mark.thorough)])
def test_every_answer_is_one_that_is_documented(admin: Program, cases: int, settings: Any) -> None:
    settings.SESSIONSITE_REQUESTS_PER_MINUTE = 1_000_000

    def post(path: str, body: Any) -> Any:
        return told(admin.post(path, body))

    schema = fuzz.loaded(openapi.document())
    report = fuzz.fuzz(schema, fuzz.populate(post), send_case(admin.token), cases=cases, seed=cases)
    assert report.wrong == {}
    assert report.cases >= cases
    assert {200, 400, 404} <= set(report.statuses)


def test_bodies_that_no_generator_makes_are_refused(admin: Program, settings: Any) -> None:
    settings.SESSIONSITE_REQUESTS_PER_MINUTE = 1_000_000

    def post(path: str, body: Any) -> Any:
        return told(admin.post(path, body))

    report = fuzz.hostile(fuzz.loaded(openapi.document()), fuzz.populate(post), admin.send)
    assert report.wrong == {}
    assert set(report.statuses) == {400}
    assert report.cases >= 10 * len(fuzz.HOSTILE)

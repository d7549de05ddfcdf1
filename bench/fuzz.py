"""Send the REST API what its OpenAPI document allows and what it forbids, and see that every answer is one it names.

Schemathesis makes the cases, half of them after the document and half against it, some of them upon sessions, merges
and users that are there. The site runs as `manage.py serve` runs it, on a scratch store. No answer may be a server's
error, none a status or a shape that the document does not name, and none may take longer than `HANG_SECONDS`. Behind
that come bodies that no generator of valid JSON makes (`HOSTILE`), to every operation that takes one.

The cases of a seed are the same each time: with `--verdicts FILE` each answer's status is written down, so that two
databases can be compared.
"""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as rules

from . import scratch
from .rest import site, token_of

HANG_SECONDS = 30.0
_MOST_TOLD = 2_000
_CHECKS = [
    schemathesis.checks.not_a_server_error,
    rules.status_code_conformance,
    rules.content_type_conformance,
    rules.response_headers_conformance,
    rules.response_schema_conformance,
    rules.negative_data_rejection,
]
DEEP = 100_000
HOSTILE: Mapping[str, bytes] = {
    "NaN": b'{"metadata": {"a": NaN}, "reason": NaN}',
    "Infinity": b'{"metadata": {"a": -Infinity}}',
    "1e999": b'{"metadata": {"a": 1e999}}',
    "a number of 5,000 digits": b'{"metadata": {"a": ' + b"9" * 5_000 + b"}}",
    "2^63": b'{"metadata": {"a": 9223372036854775808}}',
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep arrays in a member": b'{"metadata": {"a": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "an end that never comes": b"[" * DEEP,
    "half of a pair": b'{"reason": "\\ud800", "prompt": "\\ud800"}',
    "the other half": b'{"reason": "\\udfff", "prompt": "\\udfff"}',
    "halves the wrong way round": b'{"reason": "\\udc00\\ud800", "prompt": "\\udc00\\ud800"}',
    "half of a pair as bytes": b'{"prompt": "\xed\xa0\x80"}',
    "half of a pair as a name": b'{"metadata": {"\\udabc": 1}}',
    "NUL": b'{"reason": "\\u0000", "prompt": "\\u0000"}',
    "NUL as it is": b'{"prompt": "\x00"}',
    "NUL as a name": b'{"metadata": {"\\u0000": 1}}',
    "one name twice": b'{"reason": "a", "reason": "b", "prompt": "a", "prompt": "b"}',
    "one name twice, deep inside": b'{"metadata": {"a": {"b": 1, "b": 2}}}',
    "one name twice, once escaped": b'{"prompt": "a", "\\u0070rompt": "b"}',
    "no UTF-8": b'{"prompt": "\xff\xfe"}',
    "UTF-16": '{"prompt": "a"}'.encode("utf-16"),
    "a mark of the byte order": b'\xef\xbb\xbf{"prompt": "a"}',
    "half a document": b'{"prompt": "a',
    "two documents": b"{} {}",
    "no JSON": b"prompt=a",
    "a text": b'"a"',
    "a number": b"1",
    "null": b"null",
    "an array": b"[]",
    "blanks": b" \t\r\n ",
}


@dataclass(slots=True)
class Report:
    """`statuses` counts answers, `wrong` tells what was amiss, once for each operation and kind."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    verdicts: list[str] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    slowest_ms: float = 0.0

    def note(self, operation: str, status: int, elapsed_ms: float) -> None:
        self.cases += 1
        self.statuses[status] += 1
        self.verdicts.append(f"{operation} {status}")
        self.slowest_ms = max(self.slowest_ms, elapsed_ms)

    def blame(self, operation: str, error: BaseException, request: str = "") -> None:
        name = f"{operation}: {type(error).__name__}"
        self.wrong.setdefault(name, f"{str(error)[:_MOST_TOLD]}\n{request[:_MOST_TOLD]}")


@dataclass(frozen=True, slots=True)
class World:
    """What is there to be asked for, by the name of the parameter in a path; and bodies with plans that are good."""

    parameters: Mapping[str, Sequence[str]]
    plans: Mapping[str, Sequence[Any]]


type Send = Callable[..., Any]


def populate(post: Callable[[str, Any], Any]) -> World:
    """Make sessions of all kinds through the API itself; `post` sends and gives the answer."""
    ids = [f"known-{number}" for number in range(8)]
    pins: list[str] = []
    for number, session_id in enumerate(ids):
        post("/sessions", {"session_id": session_id, "user_id": ("alice", "team/bob")[number % 2], "tags": ["a b/c"]})
        said = [{"prompt": f"question {n}", "response": f"answer {n}"} for n in range(3)]
        logged = post(f"/sessions/{session_id}/interactions:batch", {"interactions": said})
        pins.append(logged["interactions"][0]["id"])
    post(f"/sessions/{ids[7]}/trash", {})
    merge = post(f"/sessions/{ids[0]}/merge", {"absorbed": [ids[6]]})
    imported = post("/imports?name=known.json", {"messages": [{"role": "user", "content": "question"}]})
    run = post("/cleanup", {"plan_token": post("/cleanup/plan", {"idle_days": 3_000})["plan_token"]})
    return World(
        {
            "session_id": ids,
            "interaction_id": pins,
            "sequence": ["1", "2", "4"],
            "import_id": [imported["import_id"]],
            "merge_id": [merge["merge_id"]],
            "run_id": [run["run_id"]],
            "user_id": ["alice", "team/bob", "anonymous"],
            "tag": ["a b/c", "new"],
            "preference": ["editor"],
        },
        {
            "apply_merge": [post(f"/sessions/{ids[1]}/merge/plan", {"absorbed": [ids[3]]})],
            "apply_cleanup": [post("/cleanup/plan", {"idle_days": 3_000})],
        },
    )


def loaded(document: Mapping[str, Any]) -> Any:
    """The document as Schemathesis takes it. What no token opens is for other tests: here every case comes with one."""
    schema = schemathesis.openapi.from_dict(dict(document))
    schema.config.generation.update(with_security_parameters=False)
    return schema


def fuzz(schema: Any, world: World, send: Send, *, cases: int, seed: int) -> Report:
    """Send at least so many cases, evenly to all operations but those that have few."""
    report = Report()
    operations = [found.ok() for found in schema.get_all_operations()]
    while report.cases < cases:
        each = -(-(cases - report.cases) // (2 * len(operations)))
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _fuzz_operation(operation, mode, world, send, report, each, seed)
        seed += 1
    return report


def _fuzz_operation(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    world: World,
    send: Send,
    report: Report,
    cases: int,
    seed: int,
) -> None:
    name = operation.definition.raw["operationId"]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=_cases(operation, mode, world))
    def one(case: Any) -> None:
        began = time.monotonic()
        try:
            response = send(case)
        except (requests.RequestException, OSError) as broken:
            report.blame(name, broken)
            return
        report.note(name, response.status_code, (time.monotonic() - began) * 1_000)
        try:
            case.validate_response(response, checks=_CHECKS)
        except BaseExceptionGroup as several:
            for error in several.exceptions:
                report.blame(name, error, case.as_curl_command())
        except AssertionError as wrong:
            report.blame(name, wrong, case.as_curl_command())

    try:
        one()
    except (hypothesis.errors.Unsatisfiable, schemathesis.errors.SchemathesisError) as error:
        if mode is GenerationMode.POSITIVE:
            report.blame(name, error)


def _cases(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, world: World) -> st.SearchStrategy[Any]:
    """Cases upon what is there, and upon what is not."""
    names = [parameter.name for parameter in operation.path_parameters]
    whole = operation.as_strategy(generation_mode=mode)
    if not all(name in world.parameters for name in names):
        return whole
    known = st.fixed_dictionaries({name: st.sampled_from(world.parameters[name]) for name in names})
    name = operation.definition.raw["operationId"]
    upon = known.flatmap(lambda found: operation.as_strategy(generation_mode=mode, path_parameters=found))
    if not names:
        upon = whole
    if mode is GenerationMode.POSITIVE and name in world.plans:
        bodies = st.sampled_from([{"plan_token": one["plan_token"]} for one in world.plans[name]])
        return whole | bodies.flatmap(lambda body: operation.as_strategy(generation_mode=mode, body=body))
    return st.one_of(whole, upon, upon)


def hostile(schema: Any, world: World, send: Callable[[str, str, bytes], Any]) -> Report:
    """Send every body of `HOSTILE` to every operation that takes JSON. A file to import may be anything."""
    report = Report()
    for operation in (found.ok() for found in schema.get_all_operations()):
        if not any(body.media_type == "application/json" for body in operation.body):
            continue
        name = operation.definition.raw["operationId"]
        path = operation.path
        for parameter in operation.path_parameters:
            path = path.replace(f"{{{parameter.name}}}", world.parameters[parameter.name][0])
        for what, body in HOSTILE.items():
            if what == "null" and not operation.definition.raw["requestBody"]["required"]:
                continue
            began = time.monotonic()
            try:
                response = send(operation.method.upper(), path, body)
            except (requests.RequestException, OSError) as error:
                report.blame(f"{name}, {what}", error)
                continue
            report.note(f"{name}, {what}:", response.status_code, (time.monotonic() - began) * 1_000)
            if response.status_code != 400:
                report.blame(f"{name}, {what}", AssertionError(f"{response.status_code} {response.text[:200]}"))
    return report


def lines(name: str, report: Report) -> Iterator[str]:
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(report.statuses.items()))
    yield f"{name}: {report.cases:,} cases; {told}; the slowest took {report.slowest_ms:,.0f} ms"
    yield from (f"  WRONG {where}\n    {what}" for where, what in report.wrong.items())


def run(store: scratch.Store, cases: int, seed: int) -> Sequence[Report]:
    # Django stays out of this process: Hypothesis also tries the constants of the modules that are loaded, and each
    # database has its own.
    secret = token_of(store, "admin")
    with site(store) as port, requests.Session() as client:
        base = f"http://127.0.0.1:{port}/api/v1"
        client.headers["Authorization"] = f"Bearer {secret}"

        def post(path: str, body: Any) -> Any:
            response = client.post(f"{base}{path}", json=body, timeout=HANG_SECONDS)
            response.raise_for_status()
            return response.json()

        def send(case: Any) -> Any:
            headers = {"Authorization": f"Bearer {secret}"}
            return case.call(base_url=base, session=client, headers=headers, timeout=HANG_SECONDS)

        def send_body(method: str, path: str, body: bytes) -> Any:
            headers = {"Content-Type": "application/json"}
            return client.request(method, f"{base}{path}", data=body, headers=headers, timeout=HANG_SECONDS)

        document = client.get(f"{base}/openapi.json", timeout=HANG_SECONDS).json()
        schema = loaded(document)
        world = populate(post)
        _await_import(client, f"{base}/imports/{world.parameters['import_id'][0]}")
        return fuzz(schema, world, send, cases=cases, seed=seed), hostile(schema, world, send_body)


def _await_import(client: requests.Session, url: str) -> None:
    """Wait until the worker has done an import: how far it is must not decide what a case is answered."""
    ending = time.monotonic() + HANG_SECONDS
    while client.get(url, timeout=HANG_SECONDS).json()["state"] != "done":
        if time.monotonic() > ending:
            raise RuntimeError("The worker has not taken in a file of one message.")
        time.sleep(0.1)


def main() -> int:
    parser = scratch.arguments(__doc__)
    parser.add_argument("--cases", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verdicts", type=Path, help="a file for every case's operation and status")
    options = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of a set's members would make other cases of the same seed.
        os.execve(
            sys.executable, [sys.executable, "-m", "bench.fuzz", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    with scratch.store(options.dir, options.database_url) as store:
        reports = run(store, options.cases, options.seed)
    for name, report in zip(("After and against the document", "Hostile bodies"), reports, strict=True):
        print("\n".join(lines(name, report)))
    if options.verdicts:
        options.verdicts.write_text("\n".join(line for report in reports for line in report.verdicts) + "\n")
    return 1 if any(report.wrong for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Time every page on a large store: `python -m bench.pages --folder FOLDER`, on a store that `bench.bigstore` built.

In process, through the whole stack of a production server but the socket: middlewares, session, database, templates.
Each page is asked twice before it counts, then `--rounds` times; queries are counted apart, since counting slows
them. `bare` is a view that says "ok" through the same stack: what any page costs at least on this machine, in the same
run. Exit 1 when a page misses its bound: 100 ms at the median, 300 ms at p95.
"""

import argparse
import json
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from . import scratch
from .bigstore import LONG_SESSION, MODELS, SOURCES, TAGS
from .texts import COMMON, NEEDLE, PHRASE

if TYPE_CHECKING:
    from django.test import Client

MOST_MEDIAN_MS = 100
MOST_P95_MS = 300
_WARM_UPS = 2
# A page that is far too slow is known after a few rounds.
_LEAST_ROUNDS = 3
_PATIENCE_MS = 20_000
_VISITOR = "bench-visitor"


@dataclass(frozen=True, slots=True)
class Page:
    """What to ask for; `part` asks as htmx does."""

    name: str
    address: str
    part: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """Milliseconds, statements and bytes of one page. `cpu_ms` is what it cost this process, whatever else runs."""

    name: str
    address: str
    status: int
    median_ms: float
    p95_ms: float
    cpu_ms: float
    queries: int
    size_bytes: int

    @property
    def good(self) -> bool:
        return self.status in (200, 204) and self.median_ms <= MOST_MEDIAN_MS and self.p95_ms <= MOST_P95_MS


def pages() -> Iterator[Page]:
    """Every page that is read, at the sizes that could hurt."""
    yield Page("bare view", "/bench-bare/")
    yield Page("home", "/")
    yield from _lists()
    yield from _sessions()
    yield from _searches()
    user, usual = _users()
    for name, address in (
        ("users", "/users/"),
        ("users by a name", "/users/?" + urlencode({"q": usual})),
        ("user with the most sessions", f"/users/{user}/"),
        ("user like most", f"/users/{usual}/"),
        ("activity", "/activity/"),
        ("activity of one verb", "/activity/?verb=session_held"),
        ("activity of one session", f"/activity/?session={LONG_SESSION}"),
        ("cleanup", "/cleanup/"),
        ("cleanup, plan for a month idle", "/cleanup/?idle_days=30"),
        ("cleanup, expiring soon", "/cleanup/?view=expiring"),
        ("cleanup, history", "/cleanup/?view=history"),
        ("cleanup, its size", "/cleanup/size/?idle_days=30"),
        ("trash", "/trash/"),
        ("health", "/health/"),
        ("accounts", "/accounts/"),
        ("account", "/account/"),
        ("resume link", f"/r/{LONG_SESSION}"),
        ("context pack", f"/r/{LONG_SESSION}?format=json"),
        ("merge preview", _merge_preview()),
        ("merge preview with the longest", _merge_preview(LONG_SESSION)),
        ("context", f"/sessions/{LONG_SESSION}/context/"),
        ("a page's check for what is new", f"/sessions/{LONG_SESSION}/live?after={_longest()}&rewritten=0"),
    ):
        yield Page(name, address)


def _lists() -> Iterator[Page]:
    """The list, with each filter and each order."""
    user, usual = _users()
    month_ago = _month_ago()
    narrowed: dict[str, dict[str, object]] = {
        "": {},
        "of all states": {"state": "all"},
        "expired": {"state": "expired"},
        "held": {"state": "held"},
        "trashed": {"state": "trashed"},
        "merged": {"state": "merged"},
        "of a busy user": {"user": user, "state": "all"},
        "of a usual user": {"user": usual, "state": "all"},
        "of a common source": {"source": SOURCES[0], "state": "all"},
        "of a rare source": {"source": SOURCES[5], "state": "all"},
        "of a common model": {"model": MODELS[0], "state": "all"},
        "of a rare model": {"model": MODELS[-1], "state": "all"},
        "of a tag": {"tag": TAGS[0], "state": "all"},
        "of an unknown tag": {"tag": "nobody-uses-this", "state": "all"},
        "since a month": {"since": month_ago, "state": "all"},
        "before a month": {"before": month_ago, "state": "all"},
        "with errors": {"errors_only": "on", "state": "all"},
        "with many interactions": {"least": 500, "state": "all"},
        "with few interactions": {"most": 2, "state": "all"},
        "of a rare source and tag with errors": {
            "source": SOURCES[5],
            "tag": TAGS[3],
            "errors_only": "on",
            "state": "all",
        },
    }
    for name, values in narrowed.items():
        yield Page(f"list {name}".strip(), f"/sessions/?{urlencode(values)}")
    for order in ("activity", "created", "user", "interactions", "tokens", "cost", "errors"):
        for sort in (order, f"-{order}"):
            yield Page(f"list by {sort}", f"/sessions/?{urlencode({'state': 'all', 'sort': sort})}")
    tagged = {"tag": TAGS[0], "model": MODELS[0], "sort": "cost", "state": "all"}
    yield Page("list of a tag and a model by cost", f"/sessions/?{urlencode(tagged)}")
    yield Page("list, what changed lately", f"/sessions/changes?{urlencode({'state': 'all', 'moment': _lately()})}")
    yield Page("list, as htmx asks", "/sessions/?state=all", part=True)


def _sessions() -> Iterator[Page]:
    address = f"/sessions/{LONG_SESSION}/"
    longest = _longest()
    yield Page(f"session of {longest:,}, first", address)
    yield Page(f"session of {longest:,}, middle", f"{address}?at={longest // 2}")
    yield Page(f"session of {longest:,}, latest", f"{address}?latest=1")
    yield Page(f"session of {longest:,}, next piece", f"{address}?after={longest // 2}", part=True)
    yield Page(f"session of {longest:,}, find within", f"{address}?{urlencode({'q': COMMON})}")
    yield Page("session like most", f"/sessions/{_usual_session()}/")
    yield Page("one interaction", f"{address}i/{longest // 2}/")


def _searches() -> Iterator[Page]:
    user, _ = _users()
    for name, words in (
        ("a rare word", NEEDLE),
        ("a common word", COMMON),
        ("two common words", f"{COMMON} above"),
        ("a phrase", f'"{PHRASE}"'),
        ("a common word but another", f"{COMMON} -above"),
        ("a common word of one user", f"{COMMON} user:{user}"),
        ("a common word with a tag", f"{COMMON} tag:{TAGS[0]}"),
        ("a common word before a date", f"{COMMON} before:{_month_ago()}"),
        ("an identifier", _said(r"[a-z]+_[a-z]+_\d+(?= in )")),
        ("a path", _said(r"src/\w+/\w+\.py")),
        ("CJK", "日志文件"),
        ("nothing", "xyzzyqux"),
    ):
        yield Page(f"search for {name}", f"/search/?{urlencode({'q': words})}")


def _said(pattern: str) -> str:
    """What of this form the long session says first."""
    from sessions.models import Interaction

    texts = Interaction.objects.filter(session=LONG_SESSION).order_by("sequence").values_list("response", flat=True)
    return next(found[0] for text in texts.iterator() if (found := re.search(pattern, text)))


def _users() -> tuple[str, str]:
    """The user with the most sessions, and one in the middle."""
    from django.db.models import Count

    from sessions.models import Session

    counted = Session.objects.order_by().values("user_id").annotate(number=Count("pk")).order_by("-number", "user_id")
    ids = list(counted.values_list("user_id", flat=True))
    return str(ids[0]), str(ids[len(ids) // 2])


def _longest() -> int:
    from sessions.models import Session

    return int(Session.objects.values_list("interaction_count", flat=True).get(pk=LONG_SESSION))


def _usual_session() -> str:
    from sessions.models import Session

    usual = Session.objects.filter(interaction_count__range=(5, 15), merged_into=None, trashed_at=None)
    return str(usual.order_by("-last_activity_at")[0].pk)


def _merge_preview(survivor: str = "") -> str:
    """Into a long session, or the one that is named, another one of the usual length."""
    from sessions.models import Session

    if not survivor:
        live = Session.objects.exclude(pk=LONG_SESSION).filter(merged_into=None, trashed_at=None)
        survivor = str(live.order_by("-interaction_count")[0].pk)
    return f"/merge/?{urlencode([('id', survivor), ('id', _usual_session()), ('into', survivor)])}"


def _month_ago() -> str:
    return (datetime.now(UTC) - timedelta(days=30)).date().isoformat()


def _lately() -> str:
    return f"{datetime.now(UTC) - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"


def measure(client: "Client", page: Page, rounds: int) -> Measured:
    headers = {"HX-Request": "true"} if page.part else {}
    for _ in range(_WARM_UPS):
        status, size = _ask(client, page.address, headers)
    times: list[float] = []
    cpu_times: list[float] = []
    while len(times) < rounds and (len(times) < _LEAST_ROUNDS or sum(times) < _PATIENCE_MS):
        begun, cpu_begun = time.perf_counter(), time.process_time()
        _ask(client, page.address, headers)
        times.append((time.perf_counter() - begun) * 1_000)
        cpu_times.append((time.process_time() - cpu_begun) * 1_000)
    return Measured(
        page.name,
        page.address,
        status,
        median_ms=statistics.median(times),
        p95_ms=statistics.quantiles(times, n=20, method="inclusive")[-1],
        cpu_ms=statistics.median(cpu_times),
        queries=_queries(client, page, headers),
        size_bytes=size,
    )


def _ask(client: "Client", address: str, headers: dict[str, str]) -> tuple[int, int]:
    response = client.get(address, headers=headers)
    content = b"".join(response) if response.streaming else response.content
    return response.status_code, len(content)


def _queries(client: "Client", page: Page, headers: dict[str, str]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        _ask(client, page.address, headers)
    return len(queries)


def _visitor() -> "Client":
    """A browser of an administrator's, and the bare view among the addresses."""
    from django.contrib.auth.models import User
    from django.http import HttpResponse
    from django.test import Client
    from django.urls import clear_url_caches, path

    from sessionsite import urls

    urls.urlpatterns.insert(0, path("bench-bare/", lambda request: HttpResponse("ok")))
    clear_url_caches()
    user, _ = User.objects.get_or_create(username=_VISITOR, is_staff=True, is_superuser=True)
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(user)
    return client


def _print(measured: Measured) -> None:
    mark = " " if measured.good else "!"
    trouble = "" if measured.status in (200, 204) else f"  status {measured.status}"
    print(
        f"{mark} {measured.name:<44} {measured.median_ms:8.1f} {measured.p95_ms:8.1f} "
        f"{measured.cpu_ms:8.1f} {measured.queries:7} {measured.size_bytes / 1000:8.1f}{trouble}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="the data directory of a store that bigstore built")
    parser.add_argument("--database-url", default="", help="where the store's database is PostgreSQL")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", default="", help="only pages whose name holds this")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    scratch.Store(given.folder.absolute(), given.folder.absolute(), given.database_url).enter()
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)
    client = _visitor()
    if not given.json:
        print(f"  {'page':<44} {'median':>8} {'p95':>8} {'cpu':>8} {'queries':>7} {'kB':>8}   (ms; n = {given.rounds})")
    results = []
    for page in pages():
        if given.only in page.name or page.name == "bare view":
            results.append(measure(client, page, given.rounds))
            if not given.json:
                _print(results[-1])
    if given.json:
        told: list[dict[str, Any]] = [asdict(one) for one in results]
        print(json.dumps(told, indent=2))
    return 0 if all(one.good for one in results) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Texts too long to write by hand, the same every time: a build's log, a pasted table, a day of small edits."""

from collections.abc import Callable, Iterator, Mapping

_PACKAGES = (
    "libtide", "harbour-core", "fares", "seatmap", "ledger", "manifest", "boarding", "notices", "timetable", "berths",
    "weather", "crew", "customs", "kiosk", "printing", "identity", "search-api", "webhooks", "audit", "gateway",
)  # fmt: skip
_STEPS = ("resolving", "fetching", "unpacking", "compiling", "linking", "testing", "linting", "packing")


def build_log() -> str:
    """A build of some 1,100 lines whose cause of failure stands early on."""
    return "\n".join(_build_lines())


def _build_lines() -> Iterator[str]:
    yield "[00:00:00.000] runner-7c4 picked up pipeline 48213 (branch release/4.12, 3 changed packages, 20 affected)"
    elapsed_ms = 0
    for number, package in enumerate(_PACKAGES):
        for step_number, step in enumerate(_STEPS):
            for part in range(1, 8):
                elapsed_ms += 137 + (number * 31 + step_number * 17 + part * 53) % 911
                yield f"[{_clock(elapsed_ms)}] {package:<13} {step:<10} {part}/7  {_detail(number, step, part)}"
            if package == "ledger" and step == "linking":
                yield (
                    f"[{_clock(elapsed_ms)}] ledger        WARNING    /build/tmp is at 97 % (61.2 of 63.1 GiB); "
                    "falling back to in-memory link, LTO disabled"
                )
    yield f"[{_clock(elapsed_ms)}] gateway       testing    FAILED  test_rounding_matches_ledger: 1204.05 != 1204.04"
    yield f"[{_clock(elapsed_ms)}] pipeline 48213 failed: exit status 2"


def _detail(number: int, step: str, part: int) -> str:
    size = 1 + (number * 7 + part * 13) % 90
    match step:
        case "fetching":
            return f"GET https://packages.example.com/{_PACKAGES[number]}/{part}.{size}.tar.zst  {size * 11} kB"
        case "compiling":
            return f"src/{_PACKAGES[number]}/unit_{part:02}.rs  {size * 4} ms  {size % 3} warnings"
        case "testing":
            return f"{size * 3} passed, {size % 4} skipped in {size / 10:.1f} s"
    return f"ok  {size * 3} ms  cache {'hit' if (number + part) % 3 else 'miss'}"


def _clock(elapsed_ms: int) -> str:
    seconds, milliseconds = divmod(elapsed_ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{milliseconds:03}"


def buoy_readings() -> str:
    """A table of 1,500 readings as somebody pastes it: two of them impossible, one hour twice."""
    lines = ["buoy;day;hour;wave_height_m;water_c;wind_ms;battery_v"]
    for number in range(1500):
        buoy, day, hour = f"B{number // 500 + 1}", number // 24 % 21 + 1, number % 24
        wave = 0.4 + (number * 37 % 211) / 100
        water = 11.5 + (number * 13 % 47) / 10
        if number == 611:
            wave = 99.99
        if number == 1207:
            water = -3.4
        hour = 2 if number == 75 else hour
        lines.append(
            f"{buoy};{day};{hour:02};{wave:.2f};{water:.1f};{number * 29 % 143 / 10:.1f};{12.9 - number % 9 / 10:.1f}"
        )
    return "\n".join(lines)


_MODULES = (
    "fares", "fare_zones", "discounts", "vouchers", "refunds", "seat_hold", "seat_map", "berths", "cabins", "pets",
    "bicycles", "cargo", "vehicles", "manifest", "passengers", "crew", "customs", "boarding", "boarding_cards",
    "gates", "kiosk", "printing", "barcodes", "notices", "sms", "email", "webhooks", "timetable", "holidays", "tides",
    "weather", "cancellations", "delays", "rebooking", "waiting_list", "groups", "invoices", "ledger", "currencies",
    "exports", "audit", "identity", "search", "feature_flags", "migrations", "admin_reports",
)  # fmt: skip
_REMARKS = {
    "vouchers": ("Keep the class where setUp opens a transaction, please.", "I'll leave that class and say so."),
    "crew": ("How far are we?", "A third: 15 of 46 modules, 197 tests, none lost so far."),
    "barcodes": ("Skip the golden images, I regenerate those tomorrow.", "Skipped; they are on the list at the end."),
    "weather": ("Lunch. Go on without me.", "Going on. I stop at the first red run that I can't explain."),
    "groups": ("Back. Anything odd?", "Two tests passed only because of their order. Both are fixtures now."),
}
_RED = {
    "refunds": "E   fixture 'paid_booking' not found",
    "customs": "E   AssertionError: assert '1 204,50 kr' == '1\\xa0204,50 kr'",
    "tides": "E   RuntimeError: there is no current event loop in thread 'MainThread'",
    "ledger": "E   assert Decimal('0.1') + Decimal('0.2') == 0.3",
}


def pytest_migration() -> str:
    """A long day: 46 test modules moved from unittest to pytest, one by one."""
    parts = [_MIGRATION_BEGINS]
    for number, module in enumerate(_MODULES, start=1):
        if module in _REMARKS:
            asked, answered = _REMARKS[module]
            parts.append(f"=== pause 20m\n=== user\n{asked}\n=== assistant\n{answered}")
        parts.append(_one_module(number, module))
    return "\n".join([*parts, _MIGRATION_ENDS])


def _one_module(number: int, module: str) -> str:
    name = "".join(word.title() for word in module.split("_"))
    tests = 4 + number * 7 % 19
    red = _RED.get(module)
    outcome = (
        f"=== failed ms=2140\n{'.' * (tests - 1)}F\n{red}\n1 failed, {tests - 1} passed in 1.9{number % 10}s"
        if red
        else f"=== result ms={600 + number * 37}\n{'.' * tests}\n{tests} passed in 0.{number:02}s"
    )
    return f"""=== call Read
file_path = "tests/test_{module}.py"
=== result
     1  import unittest
     2  from ferrybook.{module} import {name}
     3
     4  class {name}Test(unittest.TestCase):
     5      def setUp(self):
     6          self.subject = {name}.for_testing()
     7
     8      def test_it_starts_empty(self):
     9          self.assertEqual(self.subject.count(), 0)
    10  ... {tests - 1} more tests
=== call Edit
file_path = "tests/test_{module}.py"
old_string = \"\"\"
class {name}Test(unittest.TestCase):
    def setUp(self):
        self.subject = {name}.for_testing()
\"\"\"
new_string = \"\"\"
@pytest.fixture
def {module}() -> {name}:
    return {name}.for_testing()
\"\"\"
=== result
The file tests/test_{module}.py has been updated ({tests} tests, {tests * 2 + 3} lines fewer).
=== call Bash
command = "uv run pytest -q tests/test_{module}.py"
{outcome}"""


_MIGRATION_BEGINS = """=== user
Move our tests from unittest to pytest, one module at a time. Plain functions, fixtures instead of setUp, the same \
number of tests before and after. Run each module before you go to the next.
=== thinking
46 modules. The safest order is the smallest first? No: alphabetical is easier to follow, but fares come first in the \
import graph. I'll follow the dependency order and count tests before and after each.
=== call Bash
command = "grep -rlE 'unittest.TestCase' tests | wc -l; uv run python -m unittest 2>&1 | tail -n 3"
=== result ms=41200
46
Ran 607 tests in 38.517s
OK
=== assistant
46 modules, 607 tests, all green to begin with. I start with `fares`, which the others import from."""

_MIGRATION_ENDS = """=== call Bash
command = "uv run pytest -q -n 8"
=== result ms=9120
607 passed in 8.41s
=== assistant
Done: **46 modules, 607 tests before, 607 after**, 38.5 s down to 8.4 s.

| what | where | why |
|---|---|---|
| class kept | `test_vouchers.py` | `setUp` opens a transaction that the tests share |
| golden images skipped | `test_barcodes.py` | you regenerate them |
| order dependence removed | `test_delays.py`, `test_rebooking.py` | they shared a module-level cache |
| four red runs mended | refunds, customs, tides, ledger | a lost fixture, a no-break space, an event loop, floats |

Nothing is committed yet.
=== user
Wonderful. Commit in four pieces, by area.
=== assistant
Four commits on `tests/pytest`: fares and money, vessels and people, shore side, platform."""

TEXTS: Mapping[str, Callable[[], str]] = {"build_log": build_log, "buoy_readings": buoy_readings}
TRANSCRIPTS: Mapping[str, Callable[[], str]] = {"pytest_migration": pytest_migration}

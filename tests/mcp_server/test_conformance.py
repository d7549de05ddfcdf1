"""The protocol's official conformance suite: every scenario passes but for those that are listed as not applying."""

import re
from pathlib import Path

import pytest

from .agents import ROOT
from .node import install, run
from .sites import Site

SUITE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
LISTS = Path(__file__).parent / "conformance"
SUITE_SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.thorough]


@pytest.fixture(scope="session")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance")
    install(SUITE, folder)
    return folder


def not_applying(revision: str) -> set[str]:
    text = (LISTS / f"not-applying-{revision}.yaml").read_text()
    return set(re.findall(r"^ +- (\S+)$", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("revision", "selection"),
    [
        ("2026-07-28", ["--requirements", "2026-07-28"]),
        ("2025-11-25", ["--suite", "all", "--spec-version", "2025-11-25"]),
    ],
)
def test_it_conforms(site: Site, suite: Path, revision: str, selection: list[str]) -> None:
    site.start(DJANGO_SETTINGS_MODULE="tests.mcp_server.conformance.settings", CONFORMANCE_TOKEN=site.tokens["admin"])
    url = f"http://localhost:{site.port}/mcp"
    listed = LISTS / f"not-applying-{revision}.yaml"
    command = ["conformance", "server", "--url", url, *selection, "--expected-failures", str(listed)]
    done = run(command, cwd=suite, seconds=SUITE_SECONDS)
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-1_000:]
    passed = set(re.findall(r"^✓ (\S+): [1-9]", summary, re.MULTILINE))
    assert len(passed) >= 20, summary
    assert not passed & not_applying(revision)


@pytest.mark.parametrize("revision", ["2026-07-28", "2025-11-25"])
def test_what_does_not_apply_is_told_with_reasons(revision: str) -> None:
    told = (ROOT / "docs" / "mcp.md").read_text()
    assert [name for name in not_applying(revision) if f"`{name}`" not in told] == []

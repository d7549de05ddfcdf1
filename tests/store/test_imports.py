"""The proof that an import may be killed, run small."""

import json
import os
from pathlib import Path

import pytest

from tests.store.test_bigstore import run


def conversations(count: int) -> str:
    said = [{"role": role, "content": f"{role} {turn}"} for turn in range(3) for role in ("user", "assistant")]
    return "".join(json.dumps({"id": f"c{number}", "messages": said}) + "\n" for number in range(count))


@pytest.mark.thorough
def test_an_import_that_is_killed_and_started_again_ends_as_one_that_was_not(tmp_path: Path) -> None:
    path = tmp_path / "conversations.jsonl"
    path.write_text(conversations(400))
    server = os.environ.get("DATABASE_URL", "")
    database = ["--database-url", server] if server.startswith("postgres") else []
    done = run("imports", path, "--dir", tmp_path, "--kills", 3, "--least", 1, "--json", *database)
    report = json.loads(done.stdout)
    assert report["violations"] == []
    assert report["rounds"][0]["messages"] == 2_400
    assert report["kills"] >= 1

"""The frameworks are large, so only continuous integration installs them: `uv sync --group adapters`."""

import importlib.util
from pathlib import Path

import pytest

NEEDED = {
    "test_claude_agent.py": ["claude_agent_sdk"],
    "test_langchain.py": ["langchain_core"],
    "test_langgraph.py": ["langgraph", "langgraph.checkpoint.conformance"],
    "test_openai_agents.py": ["agents"],
}


def is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without its library a module cannot even be read; `test_there.py` says so."""
    missing = [one for one in NEEDED.get(collection_path.name, []) if not is_there(one)]
    return True if missing else None


@pytest.fixture(params=sorted(NEEDED))
def module(request: pytest.FixtureRequest) -> str:
    return str(request.param)

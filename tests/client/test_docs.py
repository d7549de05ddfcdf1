"""The examples of docs/python-client.md and of the package's README, run as they stand."""

import re
from pathlib import Path
from typing import Any

import pytest
from sessionsite_client import AsyncClient, Client, errors

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "python-client.md"
README = ROOT / "clients" / "python" / "README.md"
_BLOCK = re.compile(r"^```python ?(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def examples(page: Path, extra: str = "") -> list[str]:
    """The blocks of a page that need no extra, or those that need this one."""
    return [code for needed, code in _BLOCK.findall(page.read_text(encoding="utf-8")) if needed == extra]


def run_examples(blocks: list[str], **names: Any) -> dict[str, Any]:
    """One after the other, as a reader would: what one defines the next may use."""
    assert blocks
    for block in blocks:
        exec(compile(block, "example", "exec"), names)
    return names


@pytest.mark.thorough
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("page", [PAGE, README], ids=["page", "readme"])
def test_its_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # A recorder for the environment of this test, not for that of the one before.
    monkeypatch.setattr("sessionsite_client.turns._default", None)
    names = run_examples(examples(page))
    from sessionsite_client import default_recorder

    assert default_recorder().flush(60)
    default_recorder().close()
    names["client"].close()


@pytest.mark.usefixtures("environment")
def test_its_claude_agent_example_runs() -> None:
    pytest.importorskip("claude_agent_sdk", reason="`uv sync --group adapters`")
    assert run_examples(examples(PAGE, "claude-agent"))["options"].session_store is not None


@pytest.mark.usefixtures("environment")
def test_its_openai_agents_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("agents", reason="`uv sync --group adapters`")
    from agents import Agent, set_tracing_disabled

    from .adapters.test_openai_agents import Scripted, says

    set_tracing_disabled(True)
    run_examples(examples(PAGE, "openai-agents"), agent=Agent(name="Counter", model=Scripted(says("Twelve."))))
    assert capsys.readouterr().out == "Twelve.\n"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_its_langchain_example_runs(writer: Client) -> None:
    pytest.importorskip("langchain_core", reason="`uv sync --group adapters`")
    from langchain_core.runnables import RunnableLambda

    chain: Any = RunnableLambda(lambda given: f"after {len(given['history'])}")
    names = run_examples(examples(PAGE, "langchain"), chain=chain, client=writer)
    again = names["remembering"].invoke({"question": "again"}, {"configurable": {"session_id": "alice-1"}})
    assert again == "after 2"


@pytest.mark.usefixtures("environment")
def test_its_langgraph_example_runs() -> None:
    pytest.importorskip("langgraph", reason="`uv sync --group adapters`")
    names = run_examples(examples(PAGE, "langgraph"))
    state = names["graph"].get_state({"configurable": {"thread_id": "move-1"}})
    assert state.values["messages"][-1].content == "You said Hello"


def test_it_names_every_verb() -> None:
    text = PAGE.read_text(encoding="utf-8")
    verbs = [name for name in dir(Client) if not name.startswith("_") and callable(getattr(Client, name))]
    assert [name for name in verbs if f"`{name}`" not in text and name not in ("close", "send", "run", "stream")] == []
    assert {name for name in dir(AsyncClient) if not name.startswith("_")} >= set(verbs) - {"close"}


def test_it_names_every_error() -> None:
    text = PAGE.read_text(encoding="utf-8")
    kinds = [name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert [name for name in kinds if f"`{name}`" not in text and f"`{name}`s" not in text] == []

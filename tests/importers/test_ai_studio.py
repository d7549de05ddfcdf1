"""Google AI Studio's prompts: chunks, thoughts, branches, files, code and what was broken off."""

from pathlib import Path
from typing import Any

from .builders import asides, drafts, only, sessions, write
from .telling import FIXTURES, branches, read_json, told


def prompt(*chunks: Any, **more: Any) -> dict[str, Any]:
    return {
        "runSettings": {"model": "models/gemini-2.5-pro", "temperature": 1},
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "chunkedPrompt": {"chunks": list(chunks), "pendingInputs": [{"text": "", "role": "user"}]},
        **more,
    }


def test_it_reads_chunks_with_their_model_and_tokens(tmp_path: Path) -> None:
    events = read_json(
        tmp_path,
        prompt(
            {"role": "user", "text": "hello", "tokenCount": 2},
            {"role": "model", "text": "Hm.", "isThought": True},
            {"role": "model", "text": "hi", "tokenCount": 3, "finishReason": "STOP"},
        ),
    )
    assert told(events) == [("turn", "Be brief."), ("user", "hello"), ("agent", "Hm."), ("agent", "hi")]
    _, request, thought, answer = drafts(events)
    assert (request.metadata["token_count"], thought.reasoning) == (2, "Hm.")
    assert (answer.model, answer.output_tokens) == ("gemini-2.5-pro", 3)


def test_files_are_noted_and_what_was_not_sent_is_marked(tmp_path: Path) -> None:
    inline = {"role": "user", "inlineFile": {"mimeType": "text/plain", "data": "QUJDRA=="}}
    drive = {"role": "user", "driveDocument": {"id": "drive-1"}}
    value = prompt(inline, drive)
    value["chunkedPrompt"]["pendingInputs"] = [{"role": "user", "text": "and then"}]
    _, first, second, pending = drafts(read_json(tmp_path, value))
    assert first.metadata["attachments"] == [{"type": "inlineFile", "media_type": "text/plain", "size_bytes": 4}]
    assert second.metadata["attachments"] == [{"type": "driveDocument", "id": "drive-1"}]
    assert (pending.prompt, pending.metadata["pending"]) == ("and then", True)


def test_what_stands_in_one_chunk_is_told_piece_by_piece(tmp_path: Path) -> None:
    call = {"id": "c1", "name": "ls", "args": {"p": "."}}
    both = {"role": "model", "text": "I look.", "functionCall": call, "functionResponse": {"files": ["a.py"]}}
    inside = {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "QUJDRA=="}}]}
    events = read_json(tmp_path, prompt(both, {"role": "model", "parts": [{"functionCall": call}]}, inside))
    expected = [("agent", "I look."), ("call", "ls"), ("result", '{"files": ["a.py"]}'), ("call", "ls"), ("agent", "")]
    assert told(events)[1:] == expected
    assert drafts(events)[-1].metadata["attachments"][0]["media_type"] == "image/png"


def test_a_longer_version_keeps_its_session(tmp_path: Path) -> None:
    chunks = [{"role": "user", "text": "hello"}, {"role": "model", "text": "hi"}]
    shorter = read_json(tmp_path, prompt(*chunks))
    longer = read_json(tmp_path, prompt(*chunks, {"role": "user", "text": "more"}))
    assert sessions(shorter)[0].session_id == sessions(longer)[0].session_id
    assert drafts(longer)[:3] == drafts(shorter)


def test_a_damaged_chunk_costs_no_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "torn"
    path.write_bytes(b'{"chunkedPrompt": {"chunks": [{"role": "user", "text": "one"}, {"a": NaN}, {"role": "mod')
    events = list(only(path).read())
    assert told(events) == [("user", "one")]
    assert {aside.damaged for aside in asides(events)} == {True}


def test_it_is_recognised_by_what_stands_ahead_of_a_long_prompt(tmp_path: Path) -> None:
    value = prompt({"role": "user", "text": "hello"}, systemInstruction={"text": "x" * 2**19})
    ordered = {name: value[name] for name in ("runSettings", "systemInstruction", "chunkedPrompt")}
    assert only(write(tmp_path / "long", ordered)).format_name == "ai-studio"


def test_it_reads_prompts_made_by_others() -> None:
    folder = FIXTURES / "ai-studio"
    events = list(only(folder / "polylogue__branching_session.json").read())
    assert branches(events) == [("First (edited) answer.", "Second answer with grounding.")]
    broken = drafts(events)[-1]
    assert (broken.response, broken.status, broken.error_message) == (
        "Partial response cut off.", "error", "Stream interrupted",
    )  # fmt: skip
    events = list(only(folder / "polylogue__code_execution_prompt.json").read())
    assert told(events)[2:] == [("call", "code_execution"), ("result", "4\n"), ("agent", "The answer is 4.")]


def test_each_of_several_prompts_is_a_session(tmp_path: Path) -> None:
    prompts = [prompt({"role": "user", "text": f"q{n}"}, {"role": "model", "text": f"a{n}"}) for n in (1, 2)]
    for events in (read_json(tmp_path, prompts), list(only(write(tmp_path / "p.jsonl", *prompts)).read())):
        said = [one for one in told(events) if one[0] != "turn"]
        assert said == [("user", "q1"), ("agent", "a1"), ("user", "q2"), ("agent", "a2")]
        assert len({session.session_id for session in sessions(events)}) == 2

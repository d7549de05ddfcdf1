"""Prompts that a person picks: going on with a conversation, and having it summarised."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

from sessions import agents
from sessions.agents.shapes import DATA_NOTE
from sessions.errors import InvalidInput
from sessions.records import Caller

SUMMARY_CHARACTERS = 60_000
_SESSION = PromptArgument(name="session_id", description="The ID of the session.", required=True)
_USER = PromptArgument(name="user_id", description="Whose session it is; narrows what is suggested.", required=False)
_BUDGET = PromptArgument(
    name="max_tokens", description=f"The budget of what is handed over; {agents.DEFAULT_TOKENS:,}.", required=False
)


@dataclass(frozen=True, slots=True)
class StorePrompt:
    """One prompt, and the texts that it is made of."""

    told: Prompt
    texts: Callable[[Caller, Mapping[str, str]], Sequence[str]]


def get_prompt(caller: Caller, name: str, given: Mapping[str, str]) -> GetPromptResult:
    """A prompt filled in. Raises MCPError for an unknown one or one without its session, and what reading raises."""
    prompt = PROMPTS.get(name)
    if prompt is None:
        raise MCPError(INVALID_PARAMS, f"Unknown prompt: {name[:100]}")
    if not given.get("session_id"):
        raise MCPError(INVALID_PARAMS, "session_id must be given.")
    messages = [PromptMessage(role="user", content=TextContent(text=text)) for text in prompt.texts(caller, given)]
    return GetPromptResult(description=prompt.told.description, messages=messages)


def _resume(caller: Caller, given: Mapping[str, str]) -> Sequence[str]:
    pack = agents.context_pack(caller, given["session_id"], max_tokens=_budget(given))
    document = pack.model_dump_json(by_alias=True, exclude_defaults=True)
    request = (
        f"Go on with the conversation of session {pack.session.id}. Call resume_session with that session_id, so that "
        "it counts as active, and log what we say with log_interaction under it. What was said so far follows as JSON. "
        f"{DATA_NOTE}"
    )
    return request, document


def _summarize(caller: Caller, given: Mapping[str, str]) -> Sequence[str]:
    found = agents.transcript(caller, given["session_id"], most_characters=SUMMARY_CHARACTERS)
    rest = f" It goes on: get_interaction_history(after={found.after})." if found.after is not None else ""
    request = (
        f"Summarise the conversation of session {found.origin.session_id} in a paragraph: what was "
        "wanted, what was done and decided, what is open. Name its topics. Then store both with update_context "
        f"(context_summary, active_topics). The transcript follows.{rest} {DATA_NOTE}"
    )
    return request, found.text


def _budget(given: Mapping[str, str]) -> int:
    """A prompt's arguments are texts, whatever they mean."""
    told = given.get("max_tokens") or str(agents.DEFAULT_TOKENS)
    if not (told.isascii() and told.isdigit() and len(told) < 10):
        raise InvalidInput("max_tokens", "must be a whole number.")
    return int(told)


PROMPTS: Mapping[str, StorePrompt] = {
    prompt.told.name: prompt
    for prompt in (
        StorePrompt(
            Prompt(
                name="resume",
                title="Resume a conversation",
                description="Hand over an earlier conversation, as much as fits a budget, and go on with it.",
                arguments=[_SESSION, _USER, _BUDGET],
            ),
            _resume,
        ),
        StorePrompt(
            Prompt(
                name="summarize",
                title="Summarise a conversation",
                description="Have a conversation summarised, and the summary stored with it.",
                arguments=[_SESSION, _USER],
            ),
            _summarize,
        ),
    )
}

"""A body for each operation that takes one, as somebody might send it: in the OpenAPI document and on its page."""

from collections.abc import Mapping
from typing import Any

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "start_session": {"session_id": "login-rate-limit", "user_id": "nora", "title": "Limit sign-ins", "tags": ["auth"]},
    "append_interaction": {
        "prompt": "Why do sign-ins fail after a restart?",
        "response": "The counter lives in memory; here is a test that shows it.",
        "model": "claude-opus-4-5",
        "input_tokens": 812,
        "output_tokens": 96,
        "idempotency_key": "turn-17",
    },
    "append_interactions": {
        "interactions": [
            {
                "kind": "tool_call",
                "tool_name": "Bash",
                "tool_parameters": {"command": "make test"},
                "idempotency_key": "turn-18",
            },
            {
                "kind": "tool_response",
                "tool_name": "Bash",
                "response": "2 failed",
                "parent_key": "turn-18",
                "idempotency_key": "turn-19",
            },
        ]
    },
    "append_batches": {
        "batches": [
            {
                "session_id": "login-rate-limit",
                "interactions": [{"prompt": "And on two servers?", "idempotency_key": "turn-20"}],
            },
            {
                "session_id": "slow-query",
                "interactions": [{"prompt": "Explain this plan.", "idempotency_key": "turn-1"}],
            },
        ]
    },
    "export_named_sessions": {"session_ids": ["login-rate-limit", "slow-query"], "format": "markdown"},
    "resume_session": {"max_tokens": 8_000},
    "hold_session": {"reason": "The audit still needs it."},
    "trash_session": {"reason": "Begun by mistake."},
    "edit_context": {"context_summary": "Sign-ins are counted per address now.", "active_topics": ["auth", "limits"]},
    "plan_merge": {"absorbed": ["login-rate-limit-fork"]},
    "merge_sessions": {"absorbed": ["login-rate-limit-fork"], "choices": {"title": "login-rate-limit"}},
    "apply_merge": {"plan_token": "eyJ..."},
    "set_preferences": {"editor": "vim", "language": "en"},
    "plan_cleanup": {"idle_days": 30},
    "apply_cleanup": {"plan_token": "eyJ...", "confirmed_sessions": 120},
}

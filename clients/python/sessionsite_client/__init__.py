"""Sessionsite for Python programs: log, resume and find conversations with AI assistants.

`Client` and `AsyncClient` ask the server; `Recorder` and `AsyncRecorder` log in the background and lose nothing;
`@logged` makes a function's calls turns of a conversation. docs/python-client.md tells it with examples.
"""

from .aio.client import AsyncClient
from .conversation import AsyncConversation, Conversation
from .errors import (
    Changed,
    ClientError,
    Conflict,
    InvalidInput,
    NotConfigured,
    NotFound,
    NotSpooled,
    NotUnderstood,
    Purged,
    Refused,
    ScopeMissing,
    ServerFailed,
    TokenRefused,
    TooLarge,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from .recorder import AsyncRecorder, Recorder
from .shapes import (
    Context,
    ContextPack,
    Import,
    Interaction,
    InteractionFields,
    Logged,
    LoggedInteraction,
    Session,
    SessionLine,
)
from .sync.client import Client
from .transport import Retry
from .turns import default_recorder, logged

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "AsyncConversation",
    "AsyncRecorder",
    "Changed",
    "Client",
    "ClientError",
    "Conflict",
    "Context",
    "ContextPack",
    "Conversation",
    "Import",
    "Interaction",
    "InteractionFields",
    "InvalidInput",
    "Logged",
    "LoggedInteraction",
    "NotConfigured",
    "NotFound",
    "NotSpooled",
    "NotUnderstood",
    "Purged",
    "Recorder",
    "Refused",
    "Retry",
    "ScopeMissing",
    "ServerFailed",
    "Session",
    "SessionLine",
    "TokenRefused",
    "TooLarge",
    "TooManyRequests",
    "Unavailable",
    "Unreachable",
    "default_recorder",
    "logged",
]

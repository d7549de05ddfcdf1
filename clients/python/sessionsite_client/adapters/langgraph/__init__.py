"""LangGraph's checkpointer: `builder.compile(checkpointer=SessionsiteSaver())`.

A thread is a session; each checkpoint is an interaction with the channels that changed, each task's writes are one. A
list that grows, as a conversation's messages do, is stored by what came to it, so that a step costs the same however
long the conversation is.
"""

from .saver import SessionsiteSaver

__all__ = ["SessionsiteSaver"]

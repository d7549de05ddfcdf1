"""Sessionsite as the memory of agent frameworks; each module needs the extra of its name.

`claude_agent` (Claude Agent SDK's SessionStore), `openai_agents` (OpenAI Agents' Session), `langchain`
(BaseChatMessageHistory), `langgraph` (a checkpointer). A conversation of the framework is a session here, each of its
records an interaction: readable for people, with the record itself beside it, from which it is given back.
"""

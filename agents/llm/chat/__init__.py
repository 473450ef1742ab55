"""The Chat Completions API: read its streams and bodies, and write its requests."""

from agents.llm.chat.reader import ChatReader, read_completion
from agents.llm.chat.request import entries, request

__all__ = ["ChatReader", "entries", "read_completion", "request"]

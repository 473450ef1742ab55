"""The Chat Completions API: read its streams and bodies, and write its requests."""

from agents.llm.chat.reader import ChatReader, read_completion
from agents.llm.chat.request import request

__all__ = ["ChatReader", "read_completion", "request"]

"""The Chat Completions API: its streams and bodies read, its requests written."""

from agents.llm.chat.reader import ChatReader, read_completion
from agents.llm.chat.request import request

__all__ = ["ChatReader", "read_completion", "request"]

"""The Responses API: read its streams and bodies, and write its requests."""

from agents.llm.responses.reader import ResponsesReader, read_response
from agents.llm.responses.request import entries, request

__all__ = ["ResponsesReader", "entries", "read_response", "request"]

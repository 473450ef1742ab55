"""The Responses API: its streams and bodies read, its requests written."""

from agents.llm.responses.reader import ResponsesReader, read_response
from agents.llm.responses.request import request

__all__ = ["ResponsesReader", "read_response", "request"]

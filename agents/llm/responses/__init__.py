"""The Responses API: read its streams and bodies, and write its requests."""

from agents.llm.responses.reader import ResponsesReader, read_response
from agents.llm.responses.request import request

__all__ = ["ResponsesReader", "read_response", "request"]

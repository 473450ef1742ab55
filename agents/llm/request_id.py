"""The ids of a request: ours, which the provider can log, and the provider's, which its support asks for."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

OURS: Final = "x-client-request-id"
"""The header with our id of a request. Source: OpenAI's API reference, "Debugging requests"."""

THEIRS: Final = ("x-request-id", "request-id", "apim-request-id", "x-amzn-requestid")
"""The headers with the provider's id: of OpenAI and most others, Anthropic, Azure and AWS."""

MOST: Final = 200
"""The most characters of either id."""


def our_id(stream_id: str, attempt: int, model_call: int) -> str:
    """Return the id of a stream's request. attempt: as in the stream's events. model_call: its number in the turn."""
    return f"{quote(stream_id, safe='')[:MOST]}-{attempt}-{model_call}"


def their_id(headers: Mapping[str, str]) -> str | None:
    """Return the id in the headers of an answer, or None. headers: by names in any case."""
    given = {name.lower(): value for name, value in headers.items()}
    found = next((given[name] for name in THEIRS if given.get(name)), "")
    return found if found.isascii() and found.isprintable() and 0 < len(found) <= MOST else None

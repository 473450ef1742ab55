"""Where a model is, as whom we ask it, and what can be wrong with that. The client that asks is in openai_client.py."""

import os
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from agents.core.errors import Fault

OPENAI: Final = "https://api.openai.com/v1"
MISSING_KEY: Final = (
    "expected an API key in OPENAI_API_KEY, got none (for a local endpoint without keys, set any value)"
)


class Api(StrEnum):
    CHAT = "chat"
    RESPONSES = "responses"


class ProviderFailed(Exception):
    """A request or its stream failed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Unanswered(ProviderFailed):
    """The provider accepted the request, and its answer ended before it said anything."""


class Endpoint(Struct, frozen=True):
    """Where and as whom. None: OPENAI_BASE_URL and OPENAI_API_KEY of the environment, else the client's defaults."""

    base_url: str | None = None
    api_key: str | None = None

    @property
    def url(self) -> str:
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI

    @property
    def base(self) -> str:
        """Where the API's paths begin."""
        return self.url.partition("#")[0].partition("?")[0]

    @property
    def query(self) -> str:
        """The query of every request."""
        return self.url.partition("#")[0].partition("?")[2]

    @property
    def address(self) -> str:
        """Where, for people: without what an address may hold of names, passwords and keys."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "an address that is none"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"Endpoint({self.address!r})"

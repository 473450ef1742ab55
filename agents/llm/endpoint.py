"""An endpoint: the address of a provider and our key for it, and their errors. The client is in openai_client.py."""

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
    """An answer that ended without an event, to a request that the provider accepted."""


class Endpoint(Struct, frozen=True):
    """An address and a key. None: OPENAI_BASE_URL or OPENAI_API_KEY of the environment, else the client's default."""

    base_url: str | None = None
    api_key: str | None = None

    @property
    def url(self) -> str:
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI

    @property
    def base(self) -> str:
        """The address without query and fragment. The API's paths begin there."""
        return self.url.partition("#")[0].partition("?")[0]

    @property
    def query(self) -> str:
        """The query that each request carries."""
        return self.url.partition("#")[0].partition("?")[2]

    @property
    def address(self) -> str:
        """The address for logs and errors: without user, password, query and fragment."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return "an invalid address"
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"Endpoint({self.address!r})"

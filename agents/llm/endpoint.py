"""An endpoint: the address of a provider and our key for it, and their errors. The client is in openai_client.py."""

import os
import re
from enum import StrEnum
from typing import Final, TypeAlias
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from agents.core.errors import Fault
from agents.llm.aws import Aws, AwsKey
from agents.llm.key import KeySource

OPENAI: Final = "https://api.openai.com/v1"
AUTHORIZATION: Final = ("authorization", "api-key", "x-api-key")
"""Headers that authorize a request."""
MISSING_KEY: Final = (
    "expected an API key in OPENAI_API_KEY, got none (for a local endpoint without keys, set any value)"
)


_AZURE: Final = re.compile(r"(.*?)/openai(?:/deployments/([^/]+))?/?")


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


Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Names with their values."""


class Endpoint(Struct, frozen=True):
    """An address and a key. None: OPENAI_BASE_URL or OPENAI_API_KEY of the environment, else the client's default.

    headers, query: of each request, beside those of the client and the query of the address. api_version: of Azure;
    None: another provider. deployment: the name of the model at Azure, unless the address has it. aws: how to sign the
    requests to Amazon Bedrock, which then have no api_key; None: requests are not signed.
    """

    base_url: str | None = None
    api_key: str | KeySource | None = None
    headers: Pairs = ()
    query: Pairs = ()
    api_version: str | None = None
    deployment: str = ""
    aws: Aws | None = None

    @property
    def url(self) -> str:
        if self.aws is not None:
            return self.base_url or self.aws.url
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI

    @property
    def base(self) -> str:
        """The address without query and fragment. The API's paths begin there."""
        return self.url.partition("#")[0].partition("?")[0]

    @property
    def azure(self) -> tuple[str, str]:
        """The address of the resource at Azure, and the deployment."""
        found = _AZURE.fullmatch(self.base)
        return (found[1], found[2] or self.deployment) if found else (self.base, self.deployment)

    @property
    def models_url(self) -> str:
        """The address that lists the provider's models, with its query."""
        base = self.base.rstrip("/") if self.api_version is None else f"{self.azure[0].rstrip('/')}/openai"
        version = () if self.api_version is None else (("api-version", self.api_version),)
        query = "&".join(filter(None, (self.url_query, urlencode((*self.query, *version)))))
        return f"{base}/models?{query}" if query else f"{base}/models"

    @property
    def url_query(self) -> str:
        """The query of the address, which each request carries."""
        return self.url.partition("#")[0].partition("?")[2]

    @property
    def key(self) -> str | KeySource | None:
        if self.aws is not None:
            return AwsKey(self.aws.profile)
        return self.api_key or os.environ.get("OPENAI_API_KEY")

    @property
    def identity(self) -> str:
        """The text that differs between any two providers. It has their secrets."""
        key = hash(self.api_key) if isinstance(self.api_key, KeySource) else self.api_key
        return repr((self.base_url, key, self.headers, self.query, self.api_version, self.deployment, self.aws))

    @property
    def has_own_authorization(self) -> bool:
        """Whether a header authorizes the requests, so that they need no key."""
        return any(map(self.has_header, AUTHORIZATION))

    def has_header(self, name: str) -> bool:
        """Return whether the settings have this header. name: in lower case."""
        return any(name == given.lower() for given, _ in self.headers)

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

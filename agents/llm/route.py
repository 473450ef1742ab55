"""A route: a model at a provider, over one API."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from agents.llm.endpoint import Api, Endpoint


class Route(Struct, frozen=True):
    """A model at a provider, over one of the two APIs. options: more keys of the request body, sent unchanged.

    If the option `background` is true, an answer over the Responses API is resumed after its connection broke.
    """

    endpoint: Endpoint
    model: str
    api: Api = Api.CHAT
    options: Mapping[str, Any] = field(default_factory=dict)

"""A route: a model at a provider, over one API."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from agents.core.parts import EVERY_KIND
from agents.llm.dialects import DIALECTS
from agents.llm.endpoint import Api, Endpoint


class Route(Struct, frozen=True):
    """A model at a provider, over one of the two APIs. options: more keys of the request body, sent unchanged.

    If the option `background` is true, an answer over the Responses API is resumed after its connection broke. effort:
    the reasoning effort. cache_key: the key of the provider's prompt cache. The options take precedence over both.
    accepts: the kinds of parts besides text that the model takes, of image, audio and file.
    """

    endpoint: Endpoint
    model: str
    api: Api = Api.CHAT
    options: Mapping[str, Any] = field(default_factory=dict)
    effort: str | None = None
    cache_key: str | None = None
    accepts: frozenset[str] = EVERY_KIND

    @property
    def sent_options(self) -> Mapping[str, Any]:
        """The options with the effort and the cache key, in the API's words."""
        dialect = DIALECTS[self.api]
        own: dict[str, Any] = {} if self.cache_key is None else {dialect.cache_key: self.cache_key}
        own |= {} if self.effort is None else dialect.effort(self.effort)
        for name, value in self.options.items():
            both = isinstance(value, Mapping) and isinstance(own.get(name), Mapping)
            own[name] = {**own[name], **value} if both else value
        return own

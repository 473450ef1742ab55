"""The base class of a request's body."""

from pydantic import ConfigDict

from agents.settings.values import TextOnly


class RequestBody(TextOnly):
    """A JSON object without unknown keys, and with text that is valid Unicode."""

    model_config = ConfigDict(extra="forbid", frozen=True)

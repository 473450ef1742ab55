"""A model call as its span and the metrics see it: the request in words, and the answer in figures."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from agents.core.conversation import Conversation
from agents.core.deltas import Usage
from agents.core.errors import Fault


class ModelServer(Struct, frozen=True):
    """The server of a model. provider: in the words of OpenTelemetry. host, port: of its address."""

    provider: str
    host: str
    port: int
    address: str


class TracedRequest(Struct, frozen=True):
    """A request to a model. options: keys of the request's body. tools: as the model gets them."""

    server: ModelServer
    model: str
    options: Mapping[str, Any]
    stream: bool
    conversation: Conversation
    tools: Sequence[Mapping[str, Any]]


class ModelCalled(Struct, frozen=True):
    """A model call that has ended, in figures. A retry of a call is a model call of its own here.

    server, model: of the request. error: the tag of its fault; "cancelled" for a call that was stopped; None for an
    answer. first_s: the time from the request to the first event with data. finish_reason: in the provider's words.
    """

    server: ModelServer
    model: str
    error: str | None
    duration_s: float
    first_s: float | None = None
    usage: Usage = Usage()
    finish_reason: str | None = None
    response_id: str | None = None
    response_model: str | None = None
    fault: Fault | None = None

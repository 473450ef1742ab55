"""The numbers of ended turns, answered requests and crashed children, given to the instruments."""

from abc import ABC, abstractmethod
from typing import Final

from agents.streams.report import ToolCalled, TurnEnded
from agents.telemetry.instruments import (
    CRASHES,
    FIRST_CHUNK_S,
    FIRST_TOKEN_S,
    HTTP_S,
    MODEL_CALLS,
    MODEL_RETRIES,
    OPERATION_S,
    SPENT_COST,
    SPENT_TOKENS,
    TOKEN_USAGE,
    TOKENS,
    TOOL_CALLS,
    TOOL_S,
    TURN_S,
    TURNS,
    WEBHOOKS,
    Instrument,
)
from agents.traces.attributes import CHAT
from agents.traces.calls import ModelCalled
from agents.traces.content import clean
from agents.traces.requests import RequestAnswered
from agents.webhooks.announcer import WebhookTried
from supervisors.reports import ChildTerminated

SUCCESS: Final = "complete"
MAX_TOOLS: Final = 200  # a model may invent names: further ones are counted under OTHER
MAX_MODELS: Final = 200  # a client may choose the model
MAX_PAYERS: Final = 1000  # owners with their agents and models: a client may name an agent
OTHER: Final = "other"


class Measurements(ABC):
    """The numbers since the start. State: the names that have series of their own."""

    def __init__(self) -> None:
        self._tool_names: set[str] = set()
        self._model_names: set[str] = set()
        self._payers: set[tuple[str, str, str]] = set()

    @abstractmethod
    def add(self, instrument: Instrument, amount: float, *labels: str) -> None:
        """Add to a counter, or observe for a histogram. labels: the values of the instrument's labels."""

    def add_turn(self, turn: TurnEnded) -> None:
        usage = turn.usage
        self.add(TURNS, 1, turn.fault or SUCCESS)
        self.add(TOKENS, usage.input_tokens or 0, "input")
        self.add(TOKENS, usage.cached_tokens or 0, "cached")
        self.add(TOKENS, usage.output_tokens or 0, "output")
        self.add(MODEL_CALLS, turn.model_calls)
        self.add(MODEL_RETRIES, turn.retries)
        for tool in turn.tools:
            self._add_tool(tool)
        for call in turn.models:
            self._add_model_call(call)
        self._add_charges(turn)
        if (metrics := turn.metrics) is not None:
            self.add(TOKENS, metrics.token_count, "streamed")
            self.add(TURN_S, metrics.total_time_ms / 1000)
            if metrics.time_to_first_token_ms is not None:
                self.add(FIRST_TOKEN_S, metrics.time_to_first_token_ms / 1000)

    def add_request(self, request: RequestAnswered) -> None:
        self.add(HTTP_S, request.head_s, request.method, request.route, str(request.status))

    def add_crash(self, crash: ChildTerminated) -> None:
        self.add(CRASHES, 1, crash.supervisor)

    def add_webhook(self, tried: WebhookTried) -> None:
        self.add(WEBHOOKS, 1, tried.outcome)

    def _add_tool(self, tool: ToolCalled) -> None:
        name = bounded(tool.name, self._tool_names, MAX_TOOLS)
        self.add(TOOL_CALLS, 1, name, tool.error or SUCCESS)
        self.add(TOOL_S, tool.elapsed_s, name)

    def _add_charges(self, turn: TurnEnded) -> None:
        for charge in turn.charges:
            labels = clean(turn.owner), clean(turn.agent), clean(charge.model)
            if len(self._payers) < MAX_PAYERS:
                self._payers.add(labels)
            if labels not in self._payers:
                labels = OTHER, OTHER, OTHER
            self.add(SPENT_TOKENS, charge.input_tokens, *labels, "input")
            self.add(SPENT_TOKENS, charge.output_tokens, *labels, "output")
            if charge.cost is not None:
                self.add(SPENT_COST, charge.cost, *labels)

    def _add_model_call(self, call: ModelCalled) -> None:
        labels = (CHAT, call.server.provider, bounded(call.model, self._model_names, MAX_MODELS))
        self.add(OPERATION_S, call.duration_s, *labels, call.error or "")
        if call.first_s is not None:
            self.add(FIRST_CHUNK_S, call.first_s, *labels)
        for kind, tokens in (("input", call.usage.input_tokens), ("output", call.usage.output_tokens)):
            if tokens is not None:
                self.add(TOKEN_USAGE, tokens, *labels, kind)


def bounded(name: str, known: set[str], most: int) -> str:
    """Return the name if it has a series of its own, else OTHER."""
    name = clean(name)
    if len(known) < most:
        known.add(name)
    return name if name in known else OTHER

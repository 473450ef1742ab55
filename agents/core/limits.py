"""The limits of a turn, its consumption so far, and the check of one against the other."""

from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from agents.core.deltas import Usage
from agents.core.errors import LimitReached

N = TypeVar("N", int, float)

TOKENS_PER_PRICE = 1_000_000


class Limits(Struct, frozen=True):
    """The limits of one turn. None: no limit. A finished answer is kept even if producing it exceeded a limit.

    model_calls: model calls of the turn, without retries. tool_calls: calls of the whole turn. parallel_tools: calls
    that run at the same time; the others wait. parallel_agents: the same, of calls that sub-agents answer. tokens:
    input and output, as the provider counts them. cost: in the currency of the prices. time_s: from the turn's start,
    tools included.
    """

    model_calls: int = 25
    tool_calls: int | None = None
    parallel_tools: int = 64
    parallel_agents: int = 8
    tokens: int | None = None
    cost: float | None = None
    time_s: float | None = None


class Price(Struct, frozen=True):
    """The price of a model, for a million tokens. cached_input: for cached input tokens; None: the price of input."""

    input: float
    output: float
    cached_input: float | None = None


class Spent(Struct, frozen=True):
    """The consumption of a turn. cost: None if the price or the usage of a model call is unknown.

    below, cost_below: the consumption of the turn's sub-agents, which counts for its limits.
    """

    model_calls: int = 1
    tool_calls: int = 0
    usage: Usage = Usage(0, 0, 0, 0, 0)
    cost: float | None = 0.0
    below: Usage = Usage(0, 0, 0, 0, 0)
    cost_below: float | None = 0.0

    @property
    def all_tokens(self) -> int | None:
        """The tokens of the turn and of its sub-agents."""
        return _sum(self.usage.total_tokens, self.below.total_tokens)

    @property
    def all_cost(self) -> float | None:
        """The cost of the turn and of its sub-agents."""
        return _sum(self.cost, self.cost_below)

    def with_below(self, usage: Usage, cost: float | None) -> "Spent":
        """Return the consumption with that of a sub-agent's turn, which has ended."""
        return replace(self, below=added(self.below, usage), cost_below=_sum(self.cost_below, cost))


def left(limits: Limits, tokens: int | None, cost: float | None) -> Limits:
    """Return the limits with at most these tokens and this cost. None: no further limit."""
    return replace(limits, tokens=_least(limits.tokens, tokens), cost=_least(limits.cost, cost))


def breach(limits: Limits, spent: Spent) -> LimitReached | None:
    """Return the limit that forbids another model call, or None.

    If tokens or cost are limited and the provider does not report its usage, that is a breach, too: the limit can't be
    checked.
    """
    tokens, paid = spent.all_tokens, spent.all_cost
    if spent.model_calls >= limits.model_calls:
        return LimitReached("model_calls", limits.model_calls, spent.model_calls)
    if limits.tool_calls is not None and spent.tool_calls > limits.tool_calls:
        return LimitReached("tool_calls", limits.tool_calls, spent.tool_calls)
    if limits.tokens is not None and (tokens is None or tokens >= limits.tokens):
        return LimitReached("tokens", limits.tokens, tokens)
    if limits.cost is not None and (paid is None or paid >= limits.cost):
        return LimitReached("cost", limits.cost, paid)
    return None


def added(total: Usage, more: Usage) -> Usage:
    """Return the usage of several model calls. A field that one model call did not report is None."""
    pairs = ((getattr(total, field), getattr(more, field)) for field in Usage.__struct_fields__)
    return Usage(*(None if a is None or b is None else a + b for a, b in pairs))


def cost(usage: Usage, price: Price | None) -> float | None:
    """Return the cost of a model call; None if it is unknown. Reasoning tokens are output tokens."""
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    cached = (usage.cached_tokens or 0) if price.cached_input is not None else 0
    paid = (usage.input_tokens - cached) * price.input + usage.output_tokens * price.output
    return (paid + cached * (price.cached_input or 0.0)) / TOKENS_PER_PRICE


def _sum(one: N | None, other: N | None) -> N | None:
    return None if one is None or other is None else one + other


def _least(one: N | None, other: N | None) -> N | None:
    return min((each for each in (one, other) if each is not None), default=None)

"""The limits of a turn, and whether what it has taken so far leaves room for more."""

from msgspec import Struct

from agents.core.deltas import Usage
from agents.core.errors import LimitReached

TOKENS_PER_PRICE = 1_000_000


class Limits(Struct, frozen=True):
    """Of one turn. None: no limit. A turn that has its answer is never failed for what the answer took.

    model_calls: rounds with the model; attempts at one count once. tool_calls: of all rounds. parallel_tools: calls
    that run at once; the rest wait. tokens: input and output, as the provider counts them. cost: in the prices'
    currency. time_s: from the turn's start, tools included.
    """

    model_calls: int = 25
    tool_calls: int | None = None
    parallel_tools: int = 10
    tokens: int | None = None
    cost: float | None = None
    time_s: float | None = None


class Price(Struct, frozen=True):
    """Of a model, a million tokens. cached_input: of input tokens that the provider had cached; None: as input."""

    input: float
    output: float
    cached_input: float | None = None


class Spent(Struct, frozen=True):
    """What a turn has taken. cost: None while a model's price, or what it used, is unknown."""

    model_calls: int = 1
    tool_calls: int = 0
    usage: Usage = Usage(0, 0, 0, 0, 0)
    cost: float | None = 0.0


def breach(limits: Limits, spent: Spent) -> LimitReached | None:
    """The limit that forbids one model call more, if any.

    Where tokens or cost are limited and the provider does not say what it used, that is a breach: a limit that can't
    be kept must not look as if it were.
    """
    tokens = spent.usage.total_tokens
    if spent.model_calls >= limits.model_calls:
        return LimitReached("model_calls", limits.model_calls, spent.model_calls)
    if limits.tool_calls is not None and spent.tool_calls > limits.tool_calls:
        return LimitReached("tool_calls", limits.tool_calls, spent.tool_calls)
    if limits.tokens is not None and (tokens is None or tokens >= limits.tokens):
        return LimitReached("tokens", limits.tokens, tokens)
    if limits.cost is not None and (spent.cost is None or spent.cost >= limits.cost):
        return LimitReached("cost", limits.cost, spent.cost)
    return None


def added(total: Usage, more: Usage) -> Usage:
    """Usage over several model calls. A field that one of them did not report is unknown, not less."""
    pairs = ((getattr(total, field), getattr(more, field)) for field in Usage.__struct_fields__)
    return Usage(*(None if a is None or b is None else a + b for a, b in pairs))


def cost(usage: Usage, price: Price | None) -> float | None:
    """What a model call cost, or None if that is unknown. Reasoning tokens are output tokens."""
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    cached = (usage.cached_tokens or 0) if price.cached_input is not None else 0
    paid = (usage.input_tokens - cached) * price.input + usage.output_tokens * price.output
    return (paid + cached * (price.cached_input or 0.0)) / TOKENS_PER_PRICE

"""The charge of a model call: its tokens and its cost, as the store and the budgets count them."""

from collections.abc import Iterable

from msgspec import Struct

from agents.core.deltas import Usage
from agents.core.limits import Price, cost


class Charge(Struct, frozen=True):
    """The tokens and the cost of one model call.

    cost: None if the price of the model is unknown. estimated: the provider did not report the usage, or a crash cut
    the call, so that the tokens are estimated by the lengths of the request and of the answer so far.
    """

    model: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    cost: float | None = None
    estimated: bool = False

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Payer(Struct, frozen=True):
    """The parties to which the model calls of a turn are charged.

    owner: the user of the gateway, or None. agent: the agent's name. root_session, root_stream: those of the agent
    that no other agent has called; they differ from session_id and stream_id for a sub-agent.
    """

    owner: str | None
    agent: str
    session_id: str
    stream_id: str
    root_session: str
    root_stream: str


class Totals(Struct, frozen=True):
    """The sum of charges. cost: of those whose cost is known."""

    tokens: int = 0
    cost: float = 0.0

    def plus(self, charges: Iterable[Charge]) -> "Totals":
        tokens, cost = self.tokens, self.cost
        for each in charges:
            tokens, cost = tokens + each.tokens, cost + (each.cost or 0.0)
        return Totals(tokens, cost)


def reported(usage: Usage | None) -> bool:
    """Return whether the provider has counted a model call."""
    return usage is not None and usage.input_tokens is not None and usage.output_tokens is not None


def charge_of(model: str, price: Price | None, usage: Usage, *, estimated: bool = False) -> Charge:
    """Return the charge of a model call. usage: with counts of input and output."""
    tokens = usage.input_tokens or 0, usage.output_tokens or 0, usage.cached_tokens or 0
    return Charge(model, *tokens, cost(usage, price), estimated)

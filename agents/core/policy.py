"""What an agent's configuration decides about each of its turns."""

from msgspec import Struct

from agents.core.limits import Limits, Price
from agents.core.retry import RetryPolicy


class Candidate(Struct, frozen=True):
    """A model that may answer. origin: which one, where, in words that are its own."""

    price: Price | None = None
    origin: str = ""


class TurnPolicy(Struct, frozen=True):
    """The decisions of a turn that are no events.

    models: those that may answer, in the order in which they are tried.
    barriers: names of tools whose calls run alone. eager: of those that start while the model still streams.
    approval: of those that may demand a person's approval of a call.
    answer_retries: how often an answer that is not of the agent's answer type is sent back; None: any text will do.
    """

    limits: Limits = Limits()
    retries: RetryPolicy = RetryPolicy()
    models: tuple[Candidate, ...] = (Candidate(),)
    barriers: frozenset[str] = frozenset()
    eager: frozenset[str] = frozenset()
    approval: frozenset[str] = frozenset()
    answer_retries: int | None = None

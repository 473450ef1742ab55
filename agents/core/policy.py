"""The part of an agent's configuration that its turns need."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec import Struct

from agents.core.context import ContextPolicy
from agents.core.limits import Limits, Price
from agents.core.loops import LoopPolicy
from agents.core.retry import RetryPolicy


class Every(Collection[str]):
    """A set that has every name."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


EVERY: Final = Every()


class Candidate(Struct, frozen=True):
    """A model that may answer. origin: its name and address, as one unique text. name: as the provider knows it."""

    price: Price | None = None
    origin: str = ""
    name: str = ""


class TurnPolicy(Struct, frozen=True):
    """The settings of a turn.

    models: the models that may answer, in the order in which they are tried.
    barriers: names of tools whose calls run one at a time, with no other call beside them. eager: names of tools whose
    calls start while the model still streams. approval: names of tools that may demand a person's approval of a call;
    these may change during a turn.
    answer_retries: how often the model is asked again after an answer of another type; None: any text is accepted.
    speaker: the name of the agent that speaks after a hand-off; "" before. handoffs: the settings of the agents that
    may speak next, by the names of the tools that hand over. agents: names of tools whose calls sub-agents answer.
    client: names of the client's tools. Their calls end the turn, and the client runs them. context: the rules for the
    context window. loops: the treatment of calls that are made again and again. recorded: names of tools whose
    calls are in the ledger of effects; these may change during a turn.
    """

    limits: Limits = Limits()
    retries: RetryPolicy = RetryPolicy()
    models: tuple[Candidate, ...] = (Candidate(),)
    barriers: frozenset[str] = frozenset()
    eager: frozenset[str] = frozenset()
    approval: Collection[str] = frozenset()
    answer_retries: int | None = None
    speaker: str = ""
    handoffs: "Mapping[str, TurnPolicy]" = {}
    agents: frozenset[str] = frozenset()
    client: frozenset[str] = frozenset()
    context: ContextPolicy = ContextPolicy()
    loops: LoopPolicy = LoopPolicy()
    recorded: Collection[str] = frozenset()

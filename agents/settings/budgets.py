"""The budgets of tokens and of cost, in the configuration file and in an agent's keys."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agents.core.budget import BudgetOf, OnBreach, Per
from agents.core.faults import Fault, InvalidValue
from agents.settings.values import NUMBER, Count, EachOrId, EachOrUser, Milliseconds, Name

EACH: Final = "*"
"""The party that stands for each owner, each agent, each session or each turn."""


class BudgetSettings(BaseModel):
    """A limit of what the model calls of one party may spend. Exactly one party is given.

    owner: a user of the gateway. agent: the name of an agent. session: the id of a session. turn: only "*". "*" stands
    for each of its kind, and each has a limit of its own. cost: in the currency of the prices. tokens: input and
    output. per: total, or a day or a month in UTC. on_breach: ask a person, or fail the turn. wait: how long a turn
    waits for a person, in ms; a turn that is over its limit of a day or a month waits for the reset.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: EachOrUser | None = None
    agent: Name | None = None
    session: EachOrId | None = None
    turn: Literal["*"] | None = None
    cost: Annotated[float, NUMBER, Field(gt=0, allow_inf_nan=False)] | None = None
    tokens: Count | None = None
    per: Per = Per.TOTAL
    on_breach: OnBreach = OnBreach.ASK
    wait: Milliseconds = 300_000

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        parties = (self.owner, self.agent, self.session, self.turn)
        given = [of.value for of, party in zip(BudgetOf, parties, strict=True) if party is not None]
        if len(given) != 1:
            expected = f"exactly one of {', '.join(of.value for of in BudgetOf)}"
            raise InvalidValue(Fault((), expected, ", ".join(given) or "none"))
        if self.cost is None and self.tokens is None:
            raise InvalidValue(Fault((), "cost, tokens or both", "none"))
        return self

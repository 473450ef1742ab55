"""A question to a person that the program asks, not the model."""

from typing import Protocol

from agents.core.conversation import ToolCall
from agents.core.effects import BudgetDecided
from agents.core.waiting import Decision


class Decidable(Protocol):
    """A question that a person approves or denies as the call that stands for it."""

    @property
    def call(self) -> ToolCall: ...

    def check(self, edited: str) -> None:
        """Raise InvalidArguments for an edited answer that has no meaning."""

    def decided(self, decision: Decision, reason: str, edited: str | None) -> BudgetDecided:
        """Return the meaning of the decision for the turn."""

"""The limits of an agent's tool results, above which they are put aside. docs/large-results.md."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.settings.values import NUMBER, TextOnly, Unit
from agents.tools.result import MOST_KEPT_BYTES

ResultBytes = Annotated[int, NUMBER, Field(ge=1024, le=MOST_KEPT_BYTES), Unit("bytes")]


class LargeResultSettings(TextOnly, BaseModel):
    """inline_bytes: a longer result is put aside. shown_bytes: about what the model gets of such a result.

    max_bytes: the part of a result that is kept; the rest is cut.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    inline_bytes: ResultBytes = 16 * 1024
    shown_bytes: ResultBytes = 4 * 1024
    max_bytes: ResultBytes = 8 * 1024 * 1024

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.shown_bytes > self.inline_bytes:
            raise InvalidValue(
                Fault(("shown_bytes",), f"at most inline_bytes, {self.inline_bytes}", str(self.shown_bytes))
            )
        if self.inline_bytes > self.max_bytes:
            raise InvalidValue(
                Fault(("max_bytes",), f"at least inline_bytes, {self.inline_bytes}", str(self.max_bytes))
            )
        return self

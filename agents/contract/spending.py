"""The sums of what model calls have spent, by one of their properties."""

from typing import Literal, TypeAlias

from msgspec import Struct

SpendBy: TypeAlias = Literal["owner", "agent", "model", "session", "day"]
"""The property by which charges are summed. session: with those of its sub-agents. day: in UTC."""


class SpentSum(Struct, frozen=True):
    """The sum of the charges with one key.

    key: null for charges without an owner, or without a known model. cost: of the calls whose model has a price.
    unpriced: the number of the others. estimated: the number of calls whose tokens the provider did not report, or that
    a crash cut. A turn of a version before charges counts as one model call.
    """

    key: str | None
    model_calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost: float
    unpriced: int
    estimated: int


class SpendReport(Struct, frozen=True):
    """The sums, the largest first, or the days in their order."""

    by: SpendBy
    spend: list[SpentSum]

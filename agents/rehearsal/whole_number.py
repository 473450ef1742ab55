"""A whole number as an option, with a refusal in the words of the configuration: expected X, got Y.

It lies here because the rehearsal server imports nothing of the agents.
"""

from typing import Any

import click


class WholeNumber(click.IntRange):
    """A whole number within bounds. Both bounds count as inside."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number: int = super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"expected a whole number{self._bounds()}, got {value!r}", param, ctx)
        return number

    def _bounds(self) -> str:
        lower = "" if self.min is None else f" from {self.min}"
        return lower if self.max is None else f"{lower} to {self.max}"

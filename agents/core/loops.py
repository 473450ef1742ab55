"""Calls that a model makes again and again in one turn. Pure.

A repetition is the same call in a row, or in turn with one other call: A, A, A or A, B, A, B. The same call has the
same name and the same arguments, whatever the order of their keys. The results do not matter. The calls of a turn are
in its checkpoints, so a repetition is counted over a restart.
"""

import json
from collections.abc import Sequence

from msgspec import Struct

from agents.core.conversation import ToolCall


class LoopPolicy(Struct, frozen=True):
    """The number of repetitions from which something happens. None: never.

    tell: the model reads in the result that it repeats itself. ask: a person decides before the call runs. stop: the
    turn ends. exempt: names of tools that may be called as often as the model likes.
    """

    tell: int | None = None
    ask: int | None = None
    stop: int | None = None
    exempt: frozenset[str] = frozenset()

    @property
    def least(self) -> int | None:
        return min((each for each in (self.tell, self.ask, self.stop) if each is not None), default=None)

    def count(self, earlier: Sequence[ToolCall], call: ToolCall) -> int:
        """Return how often the call has been made in a row. earlier: the calls of the turn before it."""
        if call.name in self.exempt or self.least is None:
            return 0
        return max(1 + _matches(earlier, call, 1), 1 + _matches(earlier, call, 2) // 2)

    def asks(self, count: int) -> bool:
        return self.ask is not None and count >= self.ask

    def stops(self, count: int) -> bool:
        return self.stop is not None and count >= self.stop

    def note(self, call: ToolCall, count: int) -> str:
        """Return the text for the model after the call's result; "" for none."""
        if self.tell is None or count < self.tell:
            return ""
        return (
            f"\n\nNote: {call.name} was called {count} times in a row with the same arguments. "
            "Do something else, or answer with what is known."
        )


def _matches(earlier: Sequence[ToolCall], call: ToolCall, period: int) -> int:
    """Return how many calls, from the last one back, equal the call one period before them."""
    count, place = 0, len(earlier)
    while place >= period and is_same(call, earlier[place - period]):
        count, place = count + 1, place - 1
        call = earlier[place]
    return count


def is_same(one: ToolCall, other: ToolCall) -> bool:
    """Return whether two calls have the same name and arguments."""
    if one.name != other.name:
        return False
    return one.arguments == other.arguments or _canonical(one.arguments) == _canonical(other.arguments)


def _canonical(arguments: str) -> str:
    """Return the arguments in one form. Text that is not JSON stays as it is, without blanks around it."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments.strip()

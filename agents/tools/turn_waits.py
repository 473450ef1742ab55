"""The waits of a turn for people, over all its model calls, and over a restart of its program.

A turn that continues has waits from before. A person may decide about one of them before its call is started again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from actors.clock import unix_s
from agents.core.budget_question import AN_AMOUNT, amount_of
from agents.core.conversation import ToolCall
from agents.core.waiting import Decision, KeptWait, Ruling, Waiting
from agents.tools.approval import AlreadyDecided, Answer, Decided, InvalidEdit, NotAsked, refusal
from agents.tools.errors import InvalidArguments
from agents.tools.tool import Tool

OWN_ARGUMENTS: Final = "expected the call's own arguments, with which it may have run"


async def _not_granted(_call: ToolCall) -> Ruling | None:
    """Return None: without a store there are no standing approvals."""
    return None


class TurnWaits:
    """The waits of one turn.

    known: those from before a restart, each until its call is started. tools: with which the turn continues. record:
    keeps a ruling, by the index of its call. long_wait: called when the turn has waited for park_s and nothing else has
    happened; None: never. granted: finds the standing approval of a call.
    """

    __slots__ = ("_decided", "_known", "_long_wait", "_park_s", "_timer", "_tools", "granted", "record")

    def __init__(
        self,
        known: Iterable[KeptWait] = (),
        tools: Mapping[str, Tool] | None = None,
        record: Callable[[int, Ruling], None] = lambda _index, _ruling: None,
        park_s: float | None = None,
        long_wait: Callable[[], None] = lambda: None,
        granted: Callable[[ToolCall], Awaitable[Ruling | None]] = _not_granted,
    ) -> None:
        self._known = {each.waiting.call.index: each for each in known}
        self._tools = tools or {}
        self._decided: dict[str, Decision] = {}
        self.record = record
        self._park_s, self._long_wait = park_s, long_wait
        self.granted = granted
        self._timer: asyncio.TimerHandle | None = None

    @property
    def known(self) -> tuple[Waiting, ...]:
        """The waits from before a restart whose calls have not been started again."""
        return tuple(each.waiting for each in self._known.values())

    @property
    def of_budget(self) -> Waiting | None:
        """The question about a budget from before a restart, until the turn waits for it again."""
        return next((each for each in self.known if each.kind == "budget"), None)

    def earlier(self, call: ToolCall) -> KeptWait | None:
        """Return what is known of the call from before a restart. Another call with its index is not meant."""
        known = self._known.get(call.index)
        return known if known is not None and known.waiting.call == call else None

    def begin(self, call: ToolCall) -> KeptWait | None:
        """Return what is known of the call, which is asked about or decided from now on."""
        known = self.earlier(call)
        self._known.pop(call.index, None)
        if known is None:
            return None
        if known.ruling is not None:
            self._decided[call.id] = known.ruling.decision
        return known

    def decide(self, call_id: str, ruling: Ruling, arguments: str | None = None, shown: str | None = None) -> Answer:
        """Decide about a call that has not been started again. arguments, shown: as in Approvals."""
        known = next((each for each in self._known.values() if each.waiting.call.id == call_id), None)
        if known is None:
            decided = self._decided.get(call_id)
            return NotAsked(call_id) if decided is None else AlreadyDecided(call_id, decided)
        if known.ruling is not None:
            return AlreadyDecided(call_id, known.ruling.decision)
        call = known.waiting.call
        if known.waiting.deadline <= unix_s():
            return AlreadyDecided(call_id, known.waiting.at_deadline)
        if (refused := refusal(known.waiting, ruling, arguments, shown)) is not None:
            return refused
        if (fault := edit_fault(self._tools, known.waiting, ruling.edited)) is not None:
            return InvalidEdit(call_id, fault)
        self.record(call.index, ruling)
        self._known[call.index] = replace(known, ruling=ruling)
        return Decided(call_id, ruling.decision)

    def watch(self) -> None:
        """Begin to count the time until a long wait, since something has happened."""
        self.stop()
        if self._park_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._park_s, self._long_wait)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def edit_fault(tools: Mapping[str, Tool], waiting: Waiting, edited: str | None) -> str | None:
    """Return why the edited arguments of what waits are not accepted, or None."""
    if edited is not None and waiting.kind == "budget":
        return None if amount_of(edited) is not None else AN_AMOUNT
    if edited is not None and waiting.kind == "effect":
        return OWN_ARGUMENTS
    if edited is not None and (tool := tools.get(waiting.call.name)) is not None:
        try:
            tool.arguments(edited)
        except InvalidArguments as invalid:
            return str(invalid)
    return None

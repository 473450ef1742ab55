"""The ledger of a stream's turn: it says which states of calls are new, and goes with the records of the turn.

The claim of a call, which is on disk before the call runs, and its state `begun` are one write. So are a call's result
and its state afterwards.
"""

from collections.abc import Iterator

from agents.core.conversation import ToolCall
from agents.core.events import StreamToolResult
from agents.core.ledger import EffectState, LedgerEntry, call_key, entry_of
from agents.core.turn import Phase, Turn
from agents.sessions.cut import Cut


class StreamLedger:
    """State: the entries of the calls of the present model call that have no result, by their indexes.

    first: the numbers of their first attempts in this program, if these are not 1.
    """

    __slots__ = ("_first", "_open", "_place")

    def __init__(self, session_id: str, stream_id: str, cut: Cut | None) -> None:
        """Make the ledger. cut: the known part of a turn that continues: its calls in the store."""
        self._place = session_id, stream_id
        self._open: dict[int, LedgerEntry] = {}
        self._first: dict[int, int] = {}
        if cut is not None and cut.saved.executing is not None:
            self._take_up(cut, cut.saved.executing.tool_calls)

    def changed(self, turn: Turn) -> Iterator[LedgerEntry]:
        """Yield the entries that are new at this step."""
        past = turn.past
        running, recorded = past.round, past.policy.recorded
        if turn.phase is not Phase.EXECUTING or not recorded:
            return
        ended = {each.index for each in running.results}
        for call in running.calls:
            if call.index in ended or call.name not in recorded:
                continue
            known = self._open.get(call.index)
            key = call_key(*self._place, past.spent.model_calls, call.index) if known is None else known.key
            entry = entry_of(call, key, running, self._first.get(call.index, 1))
            if entry != known:
                self._open[call.index] = entry
                yield entry

    def ended(self, event: StreamToolResult) -> Iterator[LedgerEntry]:
        """Yield the entry of the call that has this result, if it is in the ledger."""
        known = self._open.pop(event.tool_call.index, None)
        self._first.pop(event.tool_call.index, None)
        if known is not None:
            yield known.ended(event.result.error)

    def closed(self) -> Iterator[LedgerEntry]:
        """Yield the entries of the calls that have no result at the end of the turn."""
        for entry in self._open.values():
            if entry.state is not EffectState.UNKNOWN:
                yield entry.cut_off()
        self._open.clear()

    def _take_up(self, cut: Cut, calls: tuple[ToolCall, ...]) -> None:
        noted = {each.key: each.entry for each in cut.effects}
        ended = {each.index for each in cut.saved.results}
        for call in calls:
            entry = noted.get(call_key(*self._place, cut.saved.spent.model_calls, call.index))
            if entry is not None and call.index not in ended:
                self._open[call.index] = entry
                self._first[call.index] = entry.attempt + (entry.state is EffectState.INTENDED)

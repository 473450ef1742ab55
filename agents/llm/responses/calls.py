"""Function calls from Responses events.

Calls are keyed by output_index: item ids differ between events of one item (GitHub Copilot) or are missing (DeepSeek).
A snapshot (arguments.done, the done item, the final output) completes or corrects the deltas, and repeats none.
"""

from collections.abc import Callable, Hashable
from typing import Any

from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta
from agents.llm.arguments import Arguments
from agents.llm.leaf import arguments_of
from agents.llm.text import Halves, joined_surrogates


class CallState:
    """The state of one call.

    snapshot: the last arguments that came in one piece. first_snapshot: the arguments of the added item, which count
    only if no other event has arguments. vouched: an event with the whole call was read.
    """

    __slots__ = (
        "arguments", "done", "first_snapshot", "given", "id", "index", "key", "name", "snapshot", "started", "vouched",
        "wire_id",
    )  # fmt: skip

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.index = -1
        self.id = ""
        self.wire_id = ""
        self.name = ""
        self.arguments = Arguments()
        self.given = 0
        self.first_snapshot = ""
        self.snapshot = ""
        self.vouched = False
        self.started = False
        self.done = False

    @property
    def whole(self) -> str:
        """The arguments from the best source: the snapshot, else the deltas, else the first snapshot."""
        return self.snapshot or self.arguments.whole() or self.first_snapshot


class Calls:
    """The calls of one response, in order of appearance."""

    __slots__ = ("_all", "_by_item_id", "_by_key", "_new_id", "_started", "_used_ids")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._all: list[CallState] = []
        self._by_key: dict[Hashable, CallState] = {}
        self._by_item_id: dict[str, CallState] = {}
        self._used_ids: set[str] = set()
        self._started = 0

    def __bool__(self) -> bool:
        return any(call.name for call in self._all)

    @property
    def vouched(self) -> bool:
        """True if an event with the whole call was read for each call."""
        return all(call.vouched for call in self._all if call.name)

    def begin(self, key: Hashable, item: dict[str, Any], deltas: list[Delta]) -> None:
        """Begin a call from an added item of type function_call. Arguments in the item are a snapshot."""
        call = self._call_at(key, item.get("id"), is_new=True)
        self._describe(call, item)
        call.first_snapshot = joined_surrogates(arguments_of(item.get("arguments")))
        self._tell(call, deltas)

    def add(self, key: Hashable, item_id: Any, piece: Any, halves: Halves | None, deltas: list[Delta]) -> None:
        """Add a piece of arguments. It may come before its call."""
        call = self._call_at(key, item_id)
        if not call.done:
            text = arguments_of(piece)
            call.arguments.add(halves.join(call, text) if halves else text)
            self._tell(call, deltas)

    def note_snapshot(self, key: Hashable, item_id: Any, arguments: Any) -> None:
        if text := arguments_of(arguments):
            call = self._call_at(key, item_id)
            call.snapshot, call.vouched = joined_surrogates(text), True

    def complete(self, key: Hashable, item: dict[str, Any], deltas: list[Delta]) -> None:
        """End a call from its done item. A finished call may come again under another key."""
        if key not in self._by_key and self._is_done(item):
            return
        call = self._call_at(key, item.get("id"))
        if not call.done:
            self._conclude(call, item, deltas)

    def settle(self, items: list[dict[str, Any]], deltas: list[Delta]) -> list[dict[str, Any]]:
        """End each call with its state in the final output, else in its deltas.

        items: the final output. Returns the items, each function_call with the id that we gave the call.
        """
        rest = list(self._all)
        settled = [self._settle(item, rest, deltas) if item.get("type") == "function_call" else item for item in items]
        for call in rest:
            if call.name and not call.done:
                self._end(call, deltas)
        return settled

    def _settle(self, item: dict[str, Any], rest: list[CallState], deltas: list[Delta]) -> dict[str, Any]:
        wire_id = item.get("call_id")
        same = [call for call in rest if call.wire_id == wire_id] or [call for call in rest if not call.wire_id]
        call = same[0] if same else self._open(None)
        if same:
            rest.remove(call)
        if not call.done:
            self._conclude(call, item, deltas)
        return item if call.id == wire_id else {**item, "call_id": call.id}

    def _conclude(self, call: CallState, item: dict[str, Any], deltas: list[Delta]) -> None:
        """End the call with the arguments in its item."""
        self._describe(call, item)
        call.vouched = True
        if text := arguments_of(item.get("arguments")):
            call.snapshot = joined_surrogates(text)
        self._end(call, deltas)

    def _is_done(self, item: dict[str, Any]) -> bool:
        known = (item.get("call_id"), item.get("name"), joined_surrogates(arguments_of(item.get("arguments"))))
        return bool(known[0]) and any(
            call.done and (call.wire_id, call.name, call.whole) == known for call in self._all
        )

    def _call_at(self, key: Hashable, item_id: Any, *, is_new: bool = False) -> CallState:
        call = self._by_key.get(key) if key is not None else self._by_item_id.get(str(item_id))
        if call is None and key is None and self._all and not is_new:
            call = self._all[-1]
        if call is None:
            call = self._open(key)
        if isinstance(item_id, str) and item_id:
            self._by_item_id.setdefault(item_id, call)
        return call

    def _open(self, key: Hashable) -> CallState:
        call = CallState(key)
        self._all.append(call)
        if key is not None:
            self._by_key[key] = call
        return call

    def _describe(self, call: CallState, item: dict[str, Any]) -> None:
        name, wire_id = item.get("name"), item.get("call_id")
        if isinstance(name, str) and name and not call.started:
            call.name = joined_surrogates(name)
        if isinstance(wire_id, str) and wire_id and not call.id:
            call.wire_id = wire_id
            call.id = self._new_id() if wire_id in self._used_ids else joined_surrogates(wire_id)
            self._used_ids.add(wire_id)

    def _tell(self, call: CallState, deltas: list[Delta]) -> None:
        """Start the call if it can start, and add a delta with its new pieces."""
        if not call.name or not call.id:
            return
        if not call.started:
            call.started = True
            call.index = self._started
            self._started += 1
            deltas.append(CallStarted(call.index, call.id, call.name))
        if text := "".join(call.arguments.pieces[call.given :]):
            deltas.append(CallDelta(call.index, text))
        call.given = len(call.arguments.pieces)

    def _end(self, call: CallState, deltas: list[Delta]) -> None:
        if not call.name:
            return
        call.id = call.id or self._new_id()
        streamed, whole = call.arguments.whole(), call.whole
        if whole.startswith(streamed) and whole != streamed:
            call.arguments.pieces.append(whole[len(streamed) :])
        self._tell(call, deltas)
        call.done = True
        deltas.append(CallDone(call.index, whole))

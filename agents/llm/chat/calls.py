"""Tool calls from the pieces of chat deltas: find each piece's call, and decide when a call can start.

Repeated arguments count once: agents/llm/arguments.py.

A call starts (CallStarted) when its id is known and its name can't grow any more: at its first arguments, when the
next call begins, or at the end. A call is done only at the end of the stream, even if its arguments parse earlier.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final

from agents.core.deltas import CallDelta, CallDone, CallStarted, Delta
from agents.llm.arguments import Arguments
from agents.llm.leaf import arguments_of, key_of
from agents.llm.text import Halves, joined_surrogates, safe

LEGACY: Final = "function_call"
"""The key of a single call in the older form, from before tool_calls."""

_ABSENT = ("", "null")
_KNOWN = frozenset(("index", "id", "type", "function"))


class Nameless(Exception):
    """Arguments without the name of their call."""


class CallState:
    """The state of one call.

    wire_id: the provider's id. id: the same id, or a new one if another call has that id. arguments: all so far.
    given: the number of argument pieces that CallDeltas already have.
    """

    __slots__ = ("arguments", "extra", "given", "id", "index", "name", "started", "wire_id")

    def __init__(self) -> None:
        self.index = -1
        self.id: str | None = None
        self.wire_id = ""
        self.name = ""
        self.arguments = Arguments()
        self.given = 0
        self.started = False
        self.extra: dict[str, Any] = {}


class Calls:
    """The calls of one answer, in order of appearance. A provider's index is optional and an opaque key."""

    __slots__ = ("_all", "_by_id", "_by_key", "_new_id", "_started")

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._all: list[CallState] = []
        self._by_key: dict[Hashable, CallState] = {}
        self._by_id: dict[str, CallState] = {}
        self._started = 0

    def __bool__(self) -> bool:
        return any(call.name for call in self._all)

    def add(self, piece: Any, halves: Halves | None, deltas: list[Delta]) -> None:
        """Add one element of delta.tool_calls."""
        if not isinstance(piece, dict):
            return
        function = piece.get("function")
        function = function if isinstance(function, dict) else {}
        if halves is None and self._goes_on(piece, function, deltas):
            return
        name, arguments = _word(function.get("name")), arguments_of(function.get("arguments"))
        is_bare = not name and not _word(piece.get("id")) and key_of(piece.get("index")) is None
        if is_bare and not isinstance(function.get("arguments"), (str, dict, list)):
            return
        call = self._call_of(piece, name, arguments, deltas)
        if call is None:
            return
        self._describe(call, piece, name)
        if arguments:
            call.arguments.add(halves.join(call, arguments) if halves else arguments)
            self._tell(call, deltas)

    def _goes_on(self, piece: dict[str, Any], function: dict[str, Any], deltas: list[Delta]) -> bool:
        """Add the usual piece: an index and more arguments of a started call. Return False for any other piece."""
        index, text = piece.get("index"), function.get("arguments")
        if len(piece) != 2 or len(function) != 1 or index.__class__ is not int or text.__class__ is not str or not text:
            return False
        call = self._by_key.get(index)
        if call is None or not call.started or not call.arguments.goes_on(text):
            return False
        call.given += 1
        deltas.append(CallDelta(call.index, text))
        return True

    def finish(self, deltas: list[Delta]) -> None:
        """Start the other calls and end all of them. Raises Nameless before it adds a delta."""
        named = [call for call in self._all if call.name]
        if any(call.arguments.pieces for call in self._all if not call.name):
            raise Nameless
        for call in named:
            if call.id is None:
                call.id = self._new_id()
            self._tell(call, deltas)
            self._start(call, deltas)
        deltas += [CallDone(call.index, call.arguments.whole(), call.extra or None) for call in named]

    def _call_of(self, piece: dict[str, Any], name: str, arguments: str, deltas: list[Delta]) -> CallState | None:
        """Return the piece's call, which may be new, or None for an empty piece."""
        key, id_ = key_of(piece.get("index")), _word(piece.get("id"))
        if key is not None:
            call = self._by_key.get(key)
            if call is not None and not (id_ and name and call.wire_id not in ("", id_)):
                return call
            call = self._elsewhere(id_, name, arguments) if call is None else _same(call, name, arguments)
        else:
            call = self._without_key(id_, name, arguments)
        if call is None and (id_ or name or arguments):
            call = self._open(deltas)
        if call is not None and key is not None:
            self._by_key[key] = call
        return call

    def _elsewhere(self, id_: str, name: str, arguments: str) -> CallState | None:
        """Return the call of a new key: the call with this id, or the only call without arguments."""
        if name:
            return None
        if id_:
            return self._by_id.get(id_)
        waiting = [call for call in self._all if not call.arguments.pieces]
        return waiting[0] if arguments and len(waiting) == 1 else None

    def _without_key(self, id_: str, name: str, arguments: str) -> CallState | None:
        """Return the call of a piece without a key: the call with this id, or the last call. None begins a new call."""
        if id_ in self._by_id:
            return self._by_id[id_]
        last = self._all[-1] if self._all else None
        if last is None or (id_ and last.wire_id):
            return last and _same(last, name, arguments)
        if not name or not last.name or (name == last.name and not last.arguments.pieces):
            return last
        again = last.wire_id and name == last.name and last.arguments.repeats(arguments)  # its calls have ids
        return last if again else _same(last, name, arguments)

    def _open(self, deltas: list[Delta]) -> CallState:
        for call in self._all:
            if call.name:
                self._start(call, deltas)
        call = CallState()
        self._all.append(call)
        return call

    def _describe(self, call: CallState, piece: dict[str, Any], name: str) -> None:
        id_ = _word(piece.get("id"))
        if id_ and not call.wire_id:
            call.wire_id = id_
            call.id = self._new_id() if id_ in self._by_id else id_
            self._by_id.setdefault(id_, call)
        if name and name != call.name and not (call.name and call.arguments.pieces):
            call.name += name
        if not _KNOWN.issuperset(piece):
            call.extra.update(safe({field: value for field, value in piece.items() if field not in _KNOWN}))

    def _tell(self, call: CallState, deltas: list[Delta]) -> None:
        """Start the call if it can start, and add a delta with its new pieces."""
        if call.id is None or not call.name:
            return
        self._start(call, deltas)
        if text := "".join(call.arguments.pieces[call.given :]):
            deltas.append(CallDelta(call.index, text))
        call.given = len(call.arguments.pieces)

    def _start(self, call: CallState, deltas: list[Delta]) -> None:
        if not call.started and call.id is not None:
            call.started = True
            call.index = self._started
            self._started += 1
            deltas.append(CallStarted(call.index, call.id, call.name))


def _word(value: Any) -> str:
    """Return a name or an id, or an empty text if it is missing in any provider's way."""
    return joined_surrogates(value) if isinstance(value, str) and value not in _ABSENT else ""


def _same(call: CallState, name: str, arguments: str) -> CallState | None:
    """Return the call if the piece repeats its unfinished arguments. Such snapshots may each have a new id."""
    return call if name == call.name and call.arguments.is_unfinished() and call.arguments.repeats(arguments) else None

"""The encoder of a turn's requests: each message is encoded once, and later requests of the turn have the same bytes.

A turn asks the model after each round of calls, and each request has the whole conversation. Its entries depend only on
their own turn of the conversation, from one user message to the next. So the encoder keeps the bytes by turn.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from agents.core.conversation import Conversation, ToolMessage, UserMessage
from agents.llm.dialects import DIALECTS
from agents.llm.endpoint import Api
from agents.llm.route import Route
from agents.llm.text import safe

NUL: Final = b"\\u0000"
_ENCODER: Final = msgspec.json.Encoder()
_FREE_CHOICES: Final = (None, "auto", "none")


class EncodedTurn(Struct, frozen=True):
    """A turn of a conversation, its entries in a request, and the JSON of each."""

    messages: Conversation = ()
    entries: Sequence[dict[str, Any]] = ()
    encoded: Sequence[bytes] = ()


class RequestEncoder:
    """The encoder for one conversation, which grows. It forgets its bytes when the API or the options change."""

    __slots__ = ("_asked", "_turns")

    def __init__(self) -> None:
        self._asked: tuple[Api, Mapping[str, Any]] | None = None
        self._turns: list[EncodedTurn] = []

    def body(
        self,
        route: Route,
        conversation: Conversation,
        tools: Sequence[Mapping[str, Any]],
        *,
        stream: bool,
        first: bool = True,
    ) -> Generator[None, None, bytes]:
        """Return the body of a request, for `in_slices`. Raises ValueError or TypeError for data that is not JSON.

        tools: name, description, parameters of each. stream: False asks for the answer in one piece. first: of
        the turn's model calls.
        """
        options = route.sent_options if stream else {**route.sent_options, "stream": False}
        if not first or (conversation and isinstance(conversation[-1], ToolMessage)):
            options = _without_forced_call(options)
        dialect = DIALECTS[route.api]
        rest = _dumped(dialect.request(tools, model=route.model, options=options))
        if dialect.messages in options:  # the host's options replace each of our fields
            return rest
        entries = (yield from self._entries(route, conversation)) or [b""]
        entries[0] = b'{"%b":[%b' % (dialect.messages.encode(), entries[0])
        entries[-1] += b"]}" if rest == b"{}" else b"]," + rest[1:]
        return b",".join(entries)  # the only copy of a long conversation

    def _entries(self, route: Route, conversation: Conversation) -> Generator[None, None, list[bytes]]:
        """Return the conversation's entries, encoded."""
        if self._asked != (route.api, route.options):
            self._asked, self._turns = (route.api, route.options), []
        encoded: list[bytes] = []
        for place, messages in enumerate(_turns(conversation)):
            known = self._turns[place] if place < len(self._turns) else EncodedTurn()
            if known.messages != messages:
                entries = DIALECTS[route.api].entries(messages, route.options)
                known = yield from _encoded_turn(messages, entries, known)
                self._turns[place:] = [known]
            encoded += known.encoded
        return encoded


def _turns(conversation: Conversation) -> Iterator[Conversation]:
    """Yield the turns: each user message with the messages up to the next one."""
    begins = [place for place, message in enumerate(conversation) if place and isinstance(message, UserMessage)]
    for begin, end in zip((0, *begins), (*begins, len(conversation)), strict=True):
        yield conversation[begin:end]


def _encoded_turn(
    messages: Conversation, entries: Iterable[dict[str, Any]], known: EncodedTurn
) -> Generator[None, None, EncodedTurn]:
    """Encode a turn. known: the turn before it grew. An answer may change the entries of the answers before it."""
    entries, encoded = list(entries), list[bytes]()
    for place, entry in enumerate(entries):
        if place < len(known.entries) and known.entries[place] == entry:
            encoded.append(known.encoded[place])
        else:
            encoded.append(_encoded(entry))
            yield
    return EncodedTurn(messages, entries, encoded)


def _encoded(entry: dict[str, Any]) -> bytes:
    """Return the entry as JSON. An entry of texts, which is the usual case, is encoded eight times as fast."""
    if {*map(type, entry.values())} == {str}:
        try:
            encoded = _ENCODER.encode(entry)
        except UnicodeEncodeError:  # a lone surrogate
            return _dumped(entry)
        if NUL not in encoded:
            return encoded
    return _dumped(entry)


def _dumped(data: dict[str, Any]) -> bytes:
    """Return JSON data that any provider accepts: well formed, without NUL and lone surrogates."""
    return json.dumps(safe(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _without_forced_call(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Drop a tool_choice that forces a call: a model that must call a tool can't answer, so the turn would not end.

    A choice among some tools stays one, but forces none of them.
    """
    choice = options.get("tool_choice")
    if choice in _FREE_CHOICES:
        return options
    free = {name: value for name, value in options.items() if name != "tool_choice"}
    match choice:
        case {"type": "allowed_tools", "allowed_tools": {**allowed}}:
            return {**free, "tool_choice": {**choice, "allowed_tools": {**allowed, "mode": "auto"}}}
        case {"type": "allowed_tools"}:
            return {**free, "tool_choice": {**choice, "mode": "auto"}}
    return free

"""The encoder of a turn's requests: each message is encoded once, and later requests of the turn have the same bytes.

A turn asks the model after each round of calls, and each request has the whole conversation. Its entries depend only on
their own turn of the conversation, from one user message to the next. So the encoder keeps the bytes by turn.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.core.conversation import Conversation, Message, ToolMessage, UserMessage
from agents.core.parts import accepted, hashes_in
from agents.llm.dialects import DIALECTS
from agents.llm.embedded import filled, hashes_of
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
    """The encoder for one conversation, which grows. It forgets its bytes when the route changes.

    blobs: the bytes of images, sounds and files that the next request embeds, by their hash.
    """

    __slots__ = ("_asked", "_turns", "blobs")

    def __init__(self) -> None:
        self.blobs: Mapping[str, bytes] = {}
        self._asked: tuple[Api, Mapping[str, Any], frozenset[str]] | None = None
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

    def lacking(self, route: Route, conversation: Conversation) -> set[str]:
        """Return the hashes of the bytes that the next request embeds and that no earlier request has."""
        if not any(hashes_in(conversation)):
            return set()
        self._begin(route)
        found: set[str] = set()
        changed = False
        for place, messages in enumerate(_turns(conversation)):
            known = self._turns[place] if place < len(self._turns) and not changed else EncodedTurn()
            if known.messages != messages:
                changed = True  # the turns after it are encoded again, too
                entries = list(_entries(route, messages))
                new = [entry for at, entry in enumerate(entries) if known.entries[at : at + 1] != [entry]]
                found.update(hashes_of(new))
        return found

    def _begin(self, route: Route) -> None:
        asked = (route.api, route.options, route.accepts)
        if self._asked != asked:
            self._asked, self._turns = asked, []

    def _entries(self, route: Route, conversation: Conversation) -> Generator[None, None, list[bytes]]:
        """Return the conversation's entries, encoded."""
        self._begin(route)
        encoded: list[bytes] = []
        for place, messages in enumerate(_turns(conversation)):
            known = self._turns[place] if place < len(self._turns) else EncodedTurn()
            if known.messages != messages:
                known = yield from _encoded_turn(messages, _entries(route, messages), known, self.blobs)
                self._turns[place:] = [known]
            encoded += known.encoded
        return encoded


def _entries(route: Route, messages: Conversation) -> Iterator[dict[str, Any]]:
    """Yield the entries of a turn, without the parts that the model can't take."""
    dialect = DIALECTS[route.api]
    if any(hashes_in(messages)):
        kinds = route.accepts & dialect.kinds
        messages = tuple(_taken(message, kinds) for message in messages)
    return dialect.entries(messages, route.options)


def _taken(message: Message, kinds: frozenset[str]) -> Message:
    if not isinstance(message, UserMessage | ToolMessage):
        return message
    return replace(message, content=accepted(message.content, kinds))


def _turns(conversation: Conversation) -> Iterator[Conversation]:
    """Yield the turns: each user message with the messages up to the next one."""
    begins = [place for place, message in enumerate(conversation) if place and isinstance(message, UserMessage)]
    for begin, end in zip((0, *begins), (*begins, len(conversation)), strict=True):
        yield conversation[begin:end]


def _encoded_turn(
    messages: Conversation, entries: Iterable[dict[str, Any]], known: EncodedTurn, blobs: Mapping[str, bytes]
) -> Generator[None, None, EncodedTurn]:
    """Encode a turn. known: the turn before it grew. An answer may change the entries of the answers before it."""
    entries, encoded = list(entries), list[bytes]()
    for place, entry in enumerate(entries):
        if place < len(known.entries) and known.entries[place] == entry:
            encoded.append(known.encoded[place])
        else:
            encoded.append(_encoded(entry, blobs))
            yield
    return EncodedTurn(messages, entries, encoded)


def _encoded(entry: dict[str, Any], blobs: Mapping[str, bytes]) -> bytes:
    """Return the entry as JSON. An entry of texts, which is the usual case, is encoded eight times as fast."""
    if {*map(type, entry.values())} == {str}:
        try:
            encoded = _ENCODER.encode(entry)
        except UnicodeEncodeError:  # a lone surrogate
            return _dumped(entry)
        if NUL not in encoded:
            return encoded
    if any(hashes_of(entry)):  # its long texts are base64, which msgspec encodes several times as fast
        return _ENCODER.encode(filled(safe(entry), blobs))
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

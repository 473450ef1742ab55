"""An open link, as its users hold it. connection.py moves its frames.

On the asking node, `call` and `open` name a process for the answers. It gets CallAnswered, CallRefused, NotHere,
Arrived and FollowEnded. A follower gives credit for the events that it has taken.

On the owner's node, the link's server process gets Accepted, and Requested for each request. It answers a call by
`reply`. For a follow it starts a relay, which sends events through the request's Feed.

Users monitor `pid`: after its end, nothing is sent and nothing arrives. Use a link only on its loop's thread.
"""

from asyncio import Event
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from msgspec import Struct

from actors import Pid, Shutdown, exit, send  # noqa: A004 (OTP's word)
from agents.cluster.errors import Garbage
from agents.cluster.link.counts import COUNTS
from agents.cluster.link.feed import Feed
from agents.cluster.link.outbox import Outbox
from agents.cluster.link.wire import (
    MAX_WHOLE,
    CallAnswered,
    CallRefused,
    CloseFollow,
    Credit,
    Events,
    FollowEnded,
    Hello,
    LinkMessage,
    MessagePart,
    NotHere,
    OpenFollow,
    Proof,
    SessionCall,
    ToCaller,
    decoded,
    frame,
)

HIGH_WATER: Final = 4 * MAX_WHOLE
CONGESTED: Final = 256 * 2**10

_ids: Final = count(1)  # of all links: an id of an ended link never means another follow


class Arrived(Struct, frozen=True):
    """Events of a follow, in order. To its follower. No events: the follow has begun."""

    id: int
    events: list[bytes]


class Accepted(Struct, frozen=True):
    """A link that a peer has opened. To the process that will get its requests."""

    link: "Link"


class Requested(Struct, frozen=True):
    """A request of the peer. To the process that owns the link's requests. feed: that of an OpenFollow."""

    link: "Link"
    request: SessionCall | OpenFollow
    feed: Feed | None = None


class Link:
    """One end of a link. peer: the other end's greeting. server: the process that gets the peer's requests.

    dropped: the number of messages from the peer that this version can't read. ready: set when the outbox has
    something. flowing: set while the peer reads about as fast as this node sends; feeds wait for it. deliver: sends a
    message to a process; that of the link's own process is the fastest.
    """

    def __init__(self, peer: Hello, server: Pid) -> None:
        self.peer, self.server = peer, server
        self.pid: Pid  # set by its process
        self.deliver: Callable[[Pid, Any], None] = send
        self.ended = False
        self.dropped = 0
        self.outbox = Outbox()
        self.ready, self.flowing = Event(), Event()
        self.flowing.set()
        self.feeds: dict[int, Feed] = {}  # of the peer's follows
        self._askers: dict[int, Pid] = {}  # of this node's calls and follows
        self._unanswered: set[int] = set()  # the peer's calls
        self._parts = bytearray()  # of a message of the peer

    @property
    def idle(self) -> bool:
        """Whether neither end waits for anything."""
        return not (self._askers or self.feeds or self._unanswered)

    # The asking node

    def call(self, session: str, request: bytes, asker: Pid) -> int:
        """Send a request, and return its id. Raises TooLarge."""
        return self._ask(SessionCall(next(_ids), session, request), asker)

    def open(self, session: str, request: bytes, follower: Pid) -> int:
        """Ask for events, and return the id of the follow. Raises TooLarge."""
        return self._ask(OpenFollow(next(_ids), session, request), follower)

    def close(self, id_: int) -> None:
        """End a follow. Events that are on their way are dropped."""
        if self._askers.pop(id_, None) is not None:
            self.put(CloseFollow(id_))

    def credit(self, id_: int, events: int) -> None:
        """Let the owner send that many more events."""
        if id_ in self._askers:
            self.outbox.put_credit(id_, events)
            self.ready.set()

    def _ask(self, message: SessionCall | OpenFollow, asker: Pid) -> int:
        self.put(message)
        if not self.ended:
            self._askers[message.id] = asker
        return message.id

    # The owner's node

    def reply(self, message: ToCaller) -> None:
        """Answer a call of the peer, or a follow by NotHere. Raises TooLarge, and the call is still open."""
        self.put(message)
        self._unanswered.discard(message.id)
        if isinstance(message, NotHere):
            self.feeds.pop(message.id, None)

    # The connection

    def put(self, message: LinkMessage) -> None:
        """Send a message; nothing if the link has ended. Raises TooLarge."""
        if not self.ended:
            self.outbox.put(message)
            self.ready.set()
            if self.outbox.size > HIGH_WATER:
                self.end()
                exit(self.pid, Shutdown("the peer reads too slowly"))
            elif self.outbox.size > CONGESTED:
                self.flowing.clear()

    def put_event(self, id_: int, event: bytes) -> None:
        """Send an event of a follow; nothing if the link has ended. Raises TooLarge."""
        if not self.ended:
            self.outbox.put_event(id_, event)
            self.ready.set()
            if self.outbox.size > CONGESTED:
                self.flowing.clear()

    def take(self) -> bytes | None:
        """Remove the next frame to send, and return it. Return None if nothing waits."""
        taken = self.outbox.take()
        if self.outbox.size <= CONGESTED:
            self.flowing.set()
        return taken

    def receive(self, received: bytes) -> None:
        """Handle a frame of the peer. Raises Garbage for one that no node sends."""
        self._handle_all(*decoded(received))

    def end(self) -> None:
        """Close all feeds: their relays end."""
        self.ended = True
        self.outbox = Outbox()
        for feed in [*self.feeds.values()]:
            feed.close()
        self.feeds.clear()
        self._askers.clear()

    def _handle_all(self, messages: list[LinkMessage], dropped: int) -> None:
        self.dropped += dropped
        for message in messages:
            self._handle(message)

    def _handle(self, message: LinkMessage) -> None:
        match message:
            case Events(batches):
                self._on_events(batches)
            case Credit(counts):
                self._on_credit(counts)
            case SessionCall():
                self._unanswered.add(message.id)
                self.deliver(self.server, Requested(self, message))
            case OpenFollow():
                self._on_open(message)
            case CloseFollow():
                if (feed := self.feeds.pop(message.id, None)) is not None:
                    feed.close()
            case CallAnswered() | CallRefused() | FollowEnded() | NotHere():
                if (asker := self._askers.pop(message.id, None)) is not None:
                    self.deliver(asker, message)
            case MessagePart():
                self._on_part(message)
            case Hello() | Proof():
                raise Garbage(f"expected no {type(message).__name__} after the handshake, got one")

    def _on_events(self, batches: list[tuple[int, list[bytes]]]) -> None:
        for id_, events in batches:
            COUNTS.events_in += len(events)
            follower = self._askers.get(id_)
            if follower is not None and follower.alive:
                self.deliver(follower, Arrived(id_, events))
            else:
                self.close(id_)

    def _on_credit(self, counts: list[tuple[int, int]]) -> None:
        for id_, events in counts:
            if (feed := self.feeds.get(id_)) is not None and not feed.credited(events):
                raise Garbage(f"expected credit for events that were sent, got {events}")

    def _on_open(self, request: OpenFollow) -> None:
        if request.id in self.feeds:
            raise Garbage(f"expected a new id of a follow, got {request.id} again")
        feed = self.feeds[request.id] = Feed(self, request.id)
        self.deliver(self.server, Requested(self, request, feed))

    def _on_part(self, part: MessagePart) -> None:
        self._parts += part.data
        if len(self._parts) > MAX_WHOLE:
            raise Garbage(f"expected a message of at most {MAX_WHOLE} bytes, got a larger one")
        if part.last:
            (messages, dropped), self._parts = decoded(frame([bytes(self._parts)])), bytearray()
            if any(isinstance(message, MessagePart) for message in messages):
                raise Garbage("expected a message, got a part of a part")
            self._handle_all(messages, dropped)

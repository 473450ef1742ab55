"""The owner's side of a follow of another node: a relay.

A relay is a subscriber like any other. It reads its mailbox only while its follower has room. So the mailbox of a slow
follower's relay fills, and the stream joins the events that the follower misses.
"""

from typing import Final

from msgspec.structs import replace

from actors import CallFailed, Down, Pid, Task, call, monitor, send
from actors.clock import unix_s
from actors.kernel.signals import orderly
from agents.agent_config.answer_type import AnswerType, InvalidAnswerType
from agents.cluster.errors import Garbage
from agents.cluster.event import EVENTS, MAX_EVENT, packed
from agents.cluster.finding import NOT_STARTED, Find, OwnedBy, line_of
from agents.cluster.link.feed import Feed
from agents.cluster.link.link import Link
from agents.cluster.link.wire import NotHere, OpenFollow
from agents.cluster.requests import OPENINGS, AskStream, FollowStream, Opening, SubscribeTo
from agents.core.backlog import pieces_in
from agents.core.errors import InvalidAnswer
from agents.core.events import TERMINAL, Event, StreamError
from agents.instance.elsewhere import HANDED_OVER, PARKED
from agents.instance.requests import Follow, GetEvents, Subscribe
from agents.instance.state import StreamChat

BATCH: Final = 256

OVER: Final = "normal"
NO_STREAM: Final = "no_stream"
AGENT_ENDED: Final = "agent_ended"
AGENT_PARKED: Final = "agent_parked"
AGENT_CRASHED: Final = "agent_crashed"
FAILED: Final = "failed"
UNKNOWN_REQUEST: Final = "unknown_request"
REFUSED: Final = "not_started: "
"""The reasons of FollowEnded: the terminal event was sent; the agent has no such stream; the agent ended in order; its
turn waits for people without a process; it crashed, or its turns go on at another node; the relay failed; this version
does not know the request; the agent can't start, and one line that says why."""


class Relay(Task):
    """The subscriber for one follow of another node."""

    def __init__(self, link: Link, request: OpenFollow, feed: Feed, find: Find) -> None:
        self._link, self._request, self._feed, self._find = link, request, feed, find
        self._sent = False

    async def run(self) -> None:
        reason = FAILED
        try:
            if self._feed.begin(self.pid):
                reason = await self._relay()
        finally:
            self._feed.end(reason)

    async def _relay(self) -> str:
        """Serve the follow, and return the reason of its end."""
        try:
            opening = OPENINGS.unpacked(self._request.request)
        except Garbage:
            return UNKNOWN_REQUEST
        try:
            agent = await self._find(self._request.session, wakes=True)
        except NOT_STARTED as failed:
            return REFUSED + line_of(failed)
        if not isinstance(agent, Pid):
            self._link.reply(NotHere(self._request.id, agent.epoch if isinstance(agent, OwnedBy) else None))
            return OVER
        monitor(agent)
        try:
            if not await self._subscribe(agent, opening):
                return NO_STREAM
            self._feed.accept()
            reason = await self._events(agent, all_streams=isinstance(opening, SubscribeTo))
        except CallFailed:
            return AGENT_CRASHED
        if reason == AGENT_ENDED and isinstance(opening, AskStream) and not self._sent:
            return await self._relay()  # the agent has not read the message
        return reason

    async def _subscribe(self, agent: Pid, opening: Opening) -> bool:
        match opening:
            case AskStream(stream, message, schema, request, blobs, trace):
                try:
                    answer = None if schema is None else AnswerType.bounded(schema)
                except InvalidAnswerType as invalid:
                    fault = InvalidAnswer((str(invalid),))
                    send(self.pid, StreamError(fault, stream_id=stream, seq=1, at=unix_s()))
                else:
                    asked = StreamChat(message, self.pid, stream, answer=answer, request=request)
                    send(agent, replace(asked, blobs=blobs, trace=trace))
            case FollowStream(stream, after):
                return await call(agent, Follow(stream, self.pid, after))
            case SubscribeTo(stream, after):
                if stream is not None:  # before Subscribe, so that the missed events are sent, too
                    await call(agent, Follow(stream, self.pid, after))
                send(agent, Subscribe(self.pid))
        return True

    async def _events(self, agent: Pid, *, all_streams: bool) -> str:
        feed = self._feed
        while True:
            await feed.room()
            for message in await self.process.receive_many(BATCH):
                if type(message) is Down:
                    if message.reason == PARKED:
                        return AGENT_PARKED
                    ended = orderly(message.reason) and message.reason != HANDED_OVER
                    return AGENT_ENDED if ended else AGENT_CRASHED
                if not feed.has_room:
                    await feed.room()
                made = EVENTS.packed(message)
                if len(made) <= MAX_EVENT:
                    feed.send(made)
                elif not await self._send_large(agent, message):
                    return FAILED
                self._sent = True
                if isinstance(message, TERMINAL) and not all_streams:
                    return OVER

    async def _send_large(self, agent: Pid, event: Event) -> bool:
        """Send an event that is too large for a link: the pieces that were joined in it, or Stored.

        The agent has the last pieces of a running turn before the store has them. Return False if the agent has them no
        longer: the follower then reads them from the store.
        """
        first, pieces = event.seq - pieces_in(event) + 1, tuple[Event, ...]((event,))
        if first < event.seq:
            published = await call(agent, GetEvents(event.stream_id)) or ()
            pieces = tuple(each for each in published if first <= each.seq <= event.seq)
        for piece in pieces:
            await self._feed.room()
            self._feed.send(packed(piece))
        return bool(pieces)

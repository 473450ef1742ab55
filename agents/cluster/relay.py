"""The owner's side of a link: the answers to another node's calls, and one relay for each of its follows.

A relay is a subscriber like any other. It reads its mailbox only while its follower has room. So the mailbox of a slow
follower's relay fills, and the stream joins the events that the follower misses.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from actors import CallFailed, Down, Pid, Task, call, monitor, pg, send
from actors.clock import unix_s
from actors.kernel.signals import orderly
from agents.agent_config.answer_type import AnswerType, InvalidAnswerType
from agents.cluster.errors import Garbage, TooLarge
from agents.cluster.event import packed
from agents.cluster.link.feed import Feed
from agents.cluster.link.link import Link
from agents.cluster.link.wire import OpenFollow, SessionCall
from agents.cluster.requests import (
    OPENINGS,
    AskStream,
    FollowStream,
    Opening,
    SubscribeTo,
    packed_answer,
    unpacked_request,
)
from agents.core.errors import InvalidAnswer
from agents.core.events import TERMINAL, StreamError
from agents.instance.by_id import present
from agents.instance.requests import Follow, Subscribe
from agents.instance.state import StreamChat

Find: TypeAlias = Callable[[str], Awaitable[Pid | int | None]]
"""Return a session's agent on this node, else the epoch of its owner, or None if the owner is unknown."""

BATCH: Final = 256

OVER: Final = "normal"
NO_STREAM: Final = "no_stream"
AGENT_ENDED: Final = "agent_ended"
AGENT_CRASHED: Final = "agent_crashed"
FAILED: Final = "failed"
"""The reasons of FollowEnded: the terminal event was sent; the agent has no such stream; the agent ended in order; it
crashed; the relay failed."""

TOO_LARGE: Final = "too_large"
UNKNOWN_REQUEST: Final = "unknown_request"
"""Kinds of CallRefused, besides AGENT_ENDED and FAILED."""


def stands_in_for(session: str) -> tuple[str, str]:
    """Return the process group of the session's stand-in."""
    return "stand_in", session


async def agent_here(session: str) -> Pid | None:
    """Return the session's agent on this node, and wake it if it sleeps. A stand-in is not an agent."""
    if pg.members(stands_in_for(session)):
        return None
    try:
        return await present(session, wakes=True)
    except CallFailed:
        return None


async def answer_call(link: Link, request: SessionCall, find: Find) -> None:
    """Answer a call of the peer, whatever happens."""
    kind, text = FAILED, "the request failed on the node of its session"
    try:
        agent = await find(request.session)
        if not isinstance(agent, Pid):
            kind = ""
            return link.not_here(request.id, agent)
        answer = packed_answer(await call(agent, unpacked_request(request.request), None))
        link.answer(request.id, answer)
        kind = ""
    except Garbage as garbage:
        kind, text = UNKNOWN_REQUEST, str(garbage)
    except CallFailed:
        kind, text = AGENT_ENDED, "the agent ended before it answered"
    except TooLarge as large:
        kind, text = TOO_LARGE, str(large)
    finally:
        if kind:
            link.refuse(request.id, kind, text)


class Relay(Task):
    """The subscriber for one follow of another node."""

    def __init__(self, link: Link, request: OpenFollow, feed: Feed, find: Find) -> None:
        self._link, self._request, self._feed, self._find = link, request, feed, find

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
        agent = await self._find(self._request.session)
        if not isinstance(agent, Pid):
            self._link.not_here(self._request.id, agent)
            return OVER
        monitor(agent)
        try:
            if not await self._subscribe(agent, opening):
                return NO_STREAM
        except CallFailed:
            return AGENT_CRASHED
        self._feed.accept()
        return await self._events(all_streams=isinstance(opening, SubscribeTo))

    async def _subscribe(self, agent: Pid, opening: Opening) -> bool:
        match opening:
            case AskStream(stream, message, schema):
                try:
                    answer = None if schema is None else AnswerType.bounded(schema)
                except InvalidAnswerType as invalid:
                    fault = InvalidAnswer((str(invalid),))
                    send(self.pid, StreamError(fault, stream_id=stream, seq=1, at=unix_s()))
                else:
                    send(agent, StreamChat(message, self.pid, stream, answer=answer))
            case FollowStream(stream, after):
                return await call(agent, Follow(stream, self.pid, after))
            case SubscribeTo(stream, after):
                if stream is not None:  # before Subscribe, so that the missed events are sent, too
                    await call(agent, Follow(stream, self.pid, after))
                send(agent, Subscribe(self.pid))
        return True

    async def _events(self, *, all_streams: bool) -> str:
        feed = self._feed
        while True:
            await feed.room()
            for message in await self.process.receive_many(BATCH):
                if type(message) is Down:
                    return AGENT_ENDED if orderly(message.reason) else AGENT_CRASHED
                if not feed.has_room:
                    await feed.room()
                feed.send(packed(message))
                if isinstance(message, TERMINAL) and not all_streams:
                    return OVER

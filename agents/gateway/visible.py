"""What a client may do with agents and their streams, the same on every protocol. What can't be done raises Refusal.

What is somebody else's is refused in the words for what does not exist: `Streams` has only what its caller may see.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, assert_never
from uuid import uuid4

from msgspec import Struct

from actors import Pid
from agents import agent
from agents.contract.answers import MessageReserved, StreamCancelled, StreamSteered, StreamSummary
from agents.gateway.door import Door
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.own_sessions import seen_by
from agents.gateway.quotas import Quotas
from agents.gateway.reader import AnyReader, Reader, Replay
from agents.gateway.reservations import RESERVED_S, Reservations
from agents.gateway.sessions import Sessions
from agents.instance.info import StreamInfo
from agents.instance.waking import Origin
from agents.sessions import StreamInfo as KeptStream
from agents.sessions import StreamStatus
from agents.settings import Scope
from agents.tools.approval import AlreadyDecided, Answer, Decided, NotAsked, OtherArguments
from supervisors import agent_supervisor


class Known(Struct, frozen=True):
    """What there is, of everybody. Nobody gets at it but as a caller."""

    sessions: Sessions
    door: Door
    reservations: Reservations
    quotas: Quotas

    def by(self, caller: Caller) -> "Streams":
        return Streams(self, caller)


class Streams:
    """Of one caller. sessions: those that it sees."""

    def __init__(self, known: Known, caller: Caller) -> None:
        self.sessions = seen_by(caller, known.sessions)
        self._known, self._caller = known, caller

    async def start(self, config: Mapping[str, Any]) -> Pid:
        """A new agent, the caller's; only who may do everything may say that it is another's."""
        self._known.door.check()
        owner = config.get("owner", self._caller.user)
        admin = self._caller.may(Scope.ADMIN)
        if owner != self._caller.user and not admin:
            raise Refusal(403, "owner: expected your own user or none, got another: that takes the scope admin")
        allowed, quotas = self._known.quotas.config(self._caller, config), self._known.quotas
        async with quotas.one_more(self._caller, config.get("id")):
            quotas.check_agents(self._caller)
            return await agent_supervisor.start_agent(
                {**allowed, "owner": owner}, Origin.ADMIN if admin else Origin.USER
            )

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> None:
        """A new session from one that the caller has."""
        async with self._known.quotas.one_more(self._caller, None):
            await self._known.sessions.fork(session_id, new_id, at)

    async def agent(self, agent_id: str) -> Pid:
        self._known.quotas.check_agents(self._caller, agent_id)
        pid = await self.sessions.wake(agent_id)
        if pid is None:
            raise Refusal(404, f"expected the id of an agent, got {agent_id!r}"[:200], "agent_not_found")
        return pid

    async def ask(self, agent_id: str, message: str, stream_id: str | None = None) -> AnyReader:
        """stream_id: of the client's making, so that it may ask again when it lost the answer."""
        self._known.door.check()
        if stream_id is not None:
            self._known.reservations.check(stream_id, self._caller.user)
        pid = await self.agent(agent_id)
        if stream_id is not None and await self.sessions.find_stream(stream_id) != pid:
            kept = await self.sessions.kept_stream(stream_id)
            if kept is not None and kept.session_id == agent_id:
                return await self._replay(kept, 0)
            if await self._known.sessions.has_stream(stream_id):
                raise Refusal(409, "expected a stream_id of this agent's or a new one, got another agent's", "conflict")
        self._known.quotas.check_waiting(self._caller, message)
        reader = Reader(stream_id or uuid4().hex)
        reader.ask(pid, message)
        return reader

    async def reserve(self, stream_id: str) -> MessageReserved:
        """Raises Refusal if anybody has a stream with this id, or has reserved it."""
        if await self._known.sessions.has_stream(stream_id):
            raise Refusal(409, "expected an id of no message, got one that has been streamed", "conflict")
        self._known.reservations.reserve(stream_id, self._caller.user)
        return MessageReserved(stream_id, RESERVED_S)

    async def follow(self, stream_id: str, after: int) -> AnyReader | None:
        """What came after; None if that is nothing and never will be."""
        pid, info = await self._live(stream_id)
        if pid is not None and info is not None:
            _check_after(after, info.seq)
            if after == info.seq and info.status in ("complete", "error"):
                return None
            reader = Reader(stream_id, after)
            if await reader.follow(pid):
                return reader
        return await self._stored(stream_id, after)

    async def show(self, stream_id: str) -> StreamSummary:
        pid, info = await self._live(stream_id)
        if pid is not None and info is not None:
            return StreamSummary(stream_id, (await agent.info(pid)).id, info.status, info.seq)
        kept = await self._kept(stream_id)
        return StreamSummary(stream_id, None, kept.status.value, kept.last_seq)

    async def cancel(self, stream_id: str) -> StreamCancelled:
        """False if it is over: cancelling twice, or just too late, is no fault."""
        pid = await self._owner(stream_id)
        return StreamCancelled(pid is not None and await agent.cancel(pid, stream_id))

    async def approve(self, stream_id: str, call_id: str, arguments: str | None) -> Decided:
        pid = await self._owner(stream_id)
        answer = NotAsked(call_id) if pid is None else await agent.approve(pid, call_id, arguments, stream_id=stream_id)
        return _decision(answer)

    async def deny(self, stream_id: str, call_id: str, reason: str) -> Decided:
        pid = await self._owner(stream_id)
        return _decision(
            NotAsked(call_id) if pid is None else await agent.deny(pid, call_id, reason, stream_id=stream_id)
        )

    async def steer(self, stream_id: str, message: str) -> StreamSteered:
        pid = await self._owner(stream_id)
        self._known.quotas.check_waiting(self._caller, message)
        try:
            steered = pid is not None and await agent.steer(pid, message, stream_id=stream_id)
        except agent.TooManyWait as full:
            raise Refusal(429, f"expected a message later: {full}") from None
        if not steered:
            raise Refusal(409, "expected a stream that runs, got one that waits or is over", "conflict")
        return StreamSteered(True)

    async def _live(self, stream_id: str) -> tuple[Pid | None, StreamInfo | None]:
        pid = await self.sessions.find_stream(stream_id)
        streams = (await agent.info(pid)).streams if pid is not None else ()
        return pid, next((each for each in streams if stream_id in (each.id, *each.steered_by)), None)

    async def _owner(self, stream_id: str) -> Pid | None:
        """None: the stream is over. Raises Refusal if there was none."""
        pid = await self.sessions.find_stream(stream_id)
        if pid is None:
            await self._kept(stream_id)
        return pid

    async def _kept(self, stream_id: str) -> KeptStream:
        kept = await self.sessions.kept_stream(stream_id)
        if kept is None:
            raise _unknown(stream_id)
        return kept

    async def _stored(self, stream_id: str, after: int) -> Replay | None:
        kept = await self._kept(stream_id)
        if kept.status is StreamStatus.OPEN:
            raise Refusal(503, "the turn of this stream was cut, and its agent has not come back")
        _check_after(after, kept.last_seq)
        if after == kept.last_seq:
            return None
        return await self._replay(kept, after)

    async def _replay(self, kept: KeptStream, after: int) -> Replay:
        return await Replay.of(kept.id, after, kept.last_seq, partial(self.sessions.events, kept.id))


def _check_after(after: int, last: int) -> None:
    if after > last:
        raise Refusal(422, f"after: expected the seq of an event of this stream, at most {last}, got {after}")


def _unknown(stream_id: str) -> Refusal:
    return Refusal(
        404, f"expected a stream that waits, runs or has not long ended, got {stream_id!r}"[:200], "stream_not_found"
    )


def _decision(answer: Answer) -> Decided:
    match answer:
        case Decided():
            return answer
        case AlreadyDecided(_, decision):
            raise Refusal(409, f"expected a call that waits for a decision, got one that is {decision}", "conflict")
        case OtherArguments():
            raise Refusal(409, "expected the arguments that the call has, got others: read them again", "conflict")
        case NotAsked():
            raise Refusal(404, "expected a call of this stream that waits for a decision", "call_not_found")
    assert_never(answer)

"""A client's requests to agents and streams, the same on every protocol. A request that fails raises Refusal.

`Visible` has only the agents and streams that its caller can see. Another user's agent or stream gets the same refusal
as one that does not exist.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, assert_never
from uuid import uuid4

from msgspec import Struct

from actors import Pid
from agents import agent
from agents.contract.answers import MessageReserved, StreamCancelled, StreamSteered, StreamSummary
from agents.gateway.errors import Refusal
from agents.gateway.gate import Gate
from agents.gateway.guard.caller import Caller
from agents.gateway.own_sessions import visible_sessions
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


class Everything(Struct, frozen=True):
    """The agents and streams of all users. A route reaches them only through `visible_to`."""

    sessions: Sessions
    gate: Gate
    reservations: Reservations
    quotas: Quotas

    def visible_to(self, caller: Caller) -> "Visible":
        return Visible(self, caller)


class Visible:
    """The agents and streams that one caller can see. sessions: those that the caller can see."""

    def __init__(self, everything: Everything, caller: Caller) -> None:
        self.sessions = visible_sessions(caller, everything.sessions)
        self._everything, self._caller = everything, caller

    async def start(self, config: Mapping[str, Any]) -> Pid:
        """Start an agent for the caller. A caller with the scope admin can set another owner."""
        self._everything.gate.check()
        owner = config.get("owner", self._caller.user)
        admin = self._caller.may(Scope.ADMIN)
        if owner != self._caller.user and not admin:
            raise Refusal(403, "owner: expected your own user, got another: only the scope admin allows that")
        allowed, quotas = self._everything.quotas.config(self._caller, config), self._everything.quotas
        async with quotas.one_more(self._caller, config.get("id")):
            quotas.check_agents(self._caller)
            return await agent_supervisor.start_agent(
                {**allowed, "owner": owner}, Origin.ADMIN if admin else Origin.USER
            )

    async def fork(self, session_id: str, new_id: str, at: tuple[str, int | None] | None) -> None:
        """Fork a session. The caller must be able to see the session."""
        async with self._everything.quotas.one_more(self._caller, None):
            await self._everything.sessions.fork(session_id, new_id, at)

    async def agent(self, agent_id: str) -> Pid:
        """Return the agent's process, started from its session if necessary."""
        self._everything.quotas.check_agents(self._caller, agent_id)
        pid = await self.sessions.wake(agent_id)
        if pid is None:
            raise Refusal(404, f"expected the id of an agent, got {agent_id!r}"[:200], "agent_not_found")
        return pid

    async def ask(self, agent_id: str, message: str, stream_id: str | None = None) -> AnyReader:
        """Send a message to an agent, and return a reader of its stream.

        stream_id: chosen by the client. A second request with the same id reads the same stream.
        """
        self._everything.gate.check()
        if stream_id is not None:
            self._everything.reservations.check(stream_id, self._caller.user)
        pid = await self.agent(agent_id)
        if stream_id is not None and await self.sessions.find_stream(stream_id) != pid:
            kept = await self.sessions.kept_stream(stream_id)
            if kept is not None and kept.session_id == agent_id:
                return await self._replay(kept, 0)
            if await self._everything.sessions.has_stream(stream_id):
                raise Refusal(409, "expected a new stream_id or one of this agent, got another agent's", "conflict")
        self._everything.quotas.check_waiting(self._caller, message)
        reader = Reader(stream_id or uuid4().hex)
        reader.ask(pid, message)
        return reader

    async def reserve(self, stream_id: str) -> MessageReserved:
        """Reserve a message id. Raises Refusal if a stream has the id, or if the id is reserved."""
        if await self._everything.sessions.has_stream(stream_id):
            raise Refusal(409, "expected an unused message id, got one that has a stream", "conflict")
        self._everything.reservations.reserve(stream_id, self._caller.user)
        return MessageReserved(stream_id, RESERVED_S)

    async def follow(self, stream_id: str, after: int) -> AnyReader | None:
        """Return a reader of the later events; None if the stream has ended and has no later event."""
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
        """Return the stream's agent, status and last seq."""
        pid, info = await self._live(stream_id)
        if pid is not None and info is not None:
            return StreamSummary(stream_id, (await agent.info(pid)).id, info.status, info.seq)
        kept = await self._kept(stream_id)
        return StreamSummary(stream_id, None, kept.status.value, kept.last_seq)

    async def cancel(self, stream_id: str) -> StreamCancelled:
        """Cancel a turn. A stream that has already ended is not an error: the answer has cancelled=False."""
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
        self._everything.quotas.check_waiting(self._caller, message)
        try:
            steered = pid is not None and await agent.steer(pid, message, stream_id=stream_id)
        except agent.TooManyWait as full:
            raise Refusal(429, f"the turn's queue is full: {full}") from None
        if not steered:
            raise Refusal(409, "expected a stream that runs, got one that waits or has ended", "conflict")
        return StreamSteered(True)

    async def _live(self, stream_id: str) -> tuple[Pid | None, StreamInfo | None]:
        pid = await self.sessions.find_stream(stream_id)
        streams = (await agent.info(pid)).streams if pid is not None else ()
        return pid, next((each for each in streams if stream_id in (each.id, *each.steered_by)), None)

    async def _owner(self, stream_id: str) -> Pid | None:
        """Return the stream's agent; None if the stream has ended. Raises Refusal for an unknown stream."""
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
            raise Refusal(503, "the turn of this stream was cut, and its agent is not running")
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
    return Refusal(404, f"expected the id of a stream, got {stream_id!r}"[:200], "stream_not_found")


def _decision(answer: Answer) -> Decided:
    match answer:
        case Decided():
            return answer
        case AlreadyDecided(_, decision):
            raise Refusal(409, f"expected a call that waits for a decision, got one that is {decision}", "conflict")
        case OtherArguments():
            raise Refusal(409, "expected the arguments of the call, got others: read the call again", "conflict")
        case NotAsked():
            raise Refusal(404, "expected a call of this stream that waits for a decision", "call_not_found")
    assert_never(answer)

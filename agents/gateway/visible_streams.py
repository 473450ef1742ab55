"""The streams that a caller can see: follow, show, cancel and steer them, and decide about their calls."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from functools import partial
from typing import assert_never

from msgspec import Struct

from actors import Pid
from agents import agent
from agents.agent_config import InvalidAgentConfig
from agents.contract.answers import StreamCancelled, StreamSteered, StreamSummary
from agents.core.events import Event
from agents.core.question import AnswerValue
from agents.core.standing import Always
from agents.core.turn_state import state_of
from agents.gateway.errors import Refusal, retry_later
from agents.gateway.guard.caller import Caller
from agents.gateway.parked_reader import ParkedReader
from agents.gateway.parts import check_accepted
from agents.gateway.quotas import Quotas
from agents.gateway.reader import BATCH, AnyReader, Reader, Replay
from agents.gateway.visible_sessions import VisibleSessions
from agents.instance.info import StreamInfo
from agents.parts.given import GivenContent
from agents.sessions import StreamRecord, StreamStatus
from agents.tools.approval import (
    AlreadyDecided,
    Answer,
    Decided,
    InvalidAlways,
    InvalidEdit,
    NotAsked,
    OtherArguments,
    OtherKind,
    OtherQuestion,
)
from agents.tools.questions import InvalidReply


class LiveStream(Struct, frozen=True):
    """A stream that a running agent has. agent: the agent's process."""

    agent: Pid
    agent_id: str
    info: StreamInfo


class VisibleStreams:
    """The streams of the sessions that a caller can see. A request that fails raises Refusal."""

    def __init__(self, sessions: VisibleSessions, quotas: Quotas, caller: Caller) -> None:
        self._sessions, self._quotas, self._caller = sessions, quotas, caller
        self._by = caller.user or caller.name

    async def follow(self, stream_id: str, after: int) -> AnyReader | None:
        """Return a reader of the later events; None if the stream has ended and has no later event."""
        live = await self._live(stream_id)
        if live is not None:
            _check_after(after, live.info.seq)
            if after == live.info.seq and live.info.status not in ("waiting", "running"):
                return None
            reader = Reader(stream_id, after)
            if await reader.follow(live.agent):
                return reader
        return await self._stored(stream_id, after)

    async def show(self, stream_id: str) -> StreamSummary:
        """Return the stream's agent, status, state and last seq."""
        if (live := await self._live(stream_id)) is not None:
            return StreamSummary(stream_id, live.agent_id, live.info.status, live.info.state, live.info.seq)
        kept = await self._kept(stream_id)
        after = 0 if kept.status is StreamStatus.OPEN else max(kept.last_seq - 1, 0)  # the last event ends a turn
        state = state_of(await self._sessions.events(stream_id, after, kept.last_seq))
        return StreamSummary(stream_id, None, kept.status.value, state, kept.last_seq)

    async def events(self, stream_id: str) -> AsyncGenerator[Sequence[Event], None]:
        """Yield the events of a stream so far, in pages, each event as it was published."""
        pid = await self._agent_of(stream_id)
        events = await agent.events(pid, stream_id) if pid is not None else None
        if events is not None:
            for place in range(0, len(events), BATCH):
                yield events[place : place + BATCH]
            return
        kept = await self._kept(stream_id)
        for place in range(0, kept.last_seq, BATCH):
            yield await self._sessions.events(kept.id, place, BATCH)

    async def cancel(self, stream_id: str) -> StreamCancelled:
        """Cancel a turn. A stream that has already ended is not an error: the answer has cancelled=False."""
        pid = await self._owner(stream_id)
        return StreamCancelled(pid is not None and await agent.cancel(pid, stream_id))

    async def approve(
        self,
        stream_id: str,
        call_id: str,
        arguments: str | None,
        edited: str | None,
        always: Always | None = None,
        same_arguments: bool = False,
    ) -> Decided:
        pid = await self._decider(stream_id)
        if pid is None:
            return _decision(NotAsked(call_id))
        decided = await agent.approve(
            pid,
            call_id,
            arguments,
            edited=edited,
            stream_id=stream_id,
            by=self._by,
            always=always,
            same_arguments=same_arguments,
        )
        return _decision(decided)

    async def deny(self, stream_id: str, call_id: str, reason: str) -> Decided:
        pid = await self._decider(stream_id)
        if pid is None:
            return _decision(NotAsked(call_id))
        return _decision(await agent.deny(pid, call_id, reason, stream_id=stream_id, by=self._by))

    async def _decider(self, stream_id: str) -> Pid | None:
        """Return the agent that takes a decision about a call of the stream; None if the stream has ended."""
        theirs = VisibleStreams(self._sessions.of_decisions(), self._quotas, self._caller)
        return await theirs._owner(stream_id)

    async def answer(self, stream_id: str, call_id: str, given: AnswerValue, question: str | None = None) -> Decided:
        pid = await self._decider(stream_id)
        if pid is None:
            return _decision(NotAsked(call_id))
        return _decision(await agent.answer(pid, call_id, given, question=question, stream_id=stream_id, by=self._by))

    async def steer(self, stream_id: str, message: str | GivenContent) -> StreamSteered:
        pid = await self._owner(stream_id)
        await self._quotas.check_waiting(self._caller, message, pid)
        if pid is not None:
            check_accepted(pid, message)
        try:
            steered = pid is not None and await agent.steer(pid, message, stream_id=stream_id)
        except agent.TooManyWait as full:
            raise Refusal(429, f"the turn's queue is full: {full}") from None
        if not steered:
            raise Refusal(409, "expected a stream that runs, got one that waits or has ended", "conflict")
        return StreamSteered(True)

    async def _agent_of(self, stream_id: str, *, wakes: bool = False) -> Pid | None:
        """Return the agent that has the stream, or None.

        The agent of a cut turn is woken, and continues or ends the turn. If the agent can't be woken, the stored events
        can still be read. wakes: also the agent of a parked turn, and without a quota: its turn goes on.
        """
        if (pid := await self._sessions.find_stream(stream_id)) is not None:
            return pid
        kept = await self._sessions.kept_stream(stream_id)
        if kept is None:
            return await self._sessions.begun_elsewhere(stream_id, counted=not wakes)
        if kept.status is StreamStatus.OPEN and (wakes or not await self._sessions.is_parked(kept.session_id)):
            with suppress(InvalidAgentConfig):
                return await self._sessions.wake(kept.session_id, counted=not wakes)
        return None

    async def _live(self, stream_id: str) -> LiveStream | None:
        """Return the stream if a running agent has it."""
        pid = await self._agent_of(stream_id)
        if pid is None:
            return None
        info = await agent.info(pid)
        streams = (LiveStream(pid, info.id, each) for each in info.streams if stream_id in (each.id, *each.steered_by))
        return next(streams, None)

    async def _owner(self, stream_id: str) -> Pid | None:
        """Return the stream's agent; None if the stream has ended. Raises Refusal for an unknown stream."""
        pid = await self._agent_of(stream_id, wakes=True)
        if pid is None:
            await self._kept(stream_id)
        return pid

    async def _kept(self, stream_id: str) -> StreamRecord:
        kept = await self._sessions.kept_stream(stream_id)
        if kept is None:
            raise _unknown_stream(stream_id)
        return kept

    async def _stored(self, stream_id: str, after: int) -> AnyReader | None:
        kept = await self._kept(stream_id)
        if kept.status is StreamStatus.OPEN and await self._sessions.is_parked(kept.session_id):
            return await self._parked(kept, after)
        if kept.status is StreamStatus.OPEN:
            raise retry_later("the turn of this stream was cut, and its agent is not running")
        _check_after(after, kept.last_seq)
        if after == kept.last_seq:
            return None
        return await replay(self._sessions, kept, after)

    async def _parked(self, kept: StreamRecord, after: int) -> AnyReader | None:
        _check_after(after, kept.last_seq)
        read = partial(self._sessions.events, kept.id)
        reader = ParkedReader(kept.id, after, kept.session_id, kept.last_seq, read)
        if await self._sessions.is_parked(kept.session_id):
            return reader
        reader.close()  # the turn went on before the reader followed it
        return await self.follow(kept.id, after)


async def replay(sessions: VisibleSessions, kept: StreamRecord, after: int) -> Replay:
    """Return a reader of a stream in the store."""
    return await Replay.of(kept.id, after, kept.last_seq, partial(sessions.events, kept.id))


def _check_after(after: int, last: int) -> None:
    if after > last:
        raise Refusal(422, f"after: expected the seq of an event of this stream, at most {last}, got {after}")


def _unknown_stream(stream_id: str) -> Refusal:
    return Refusal(404, f"expected the id of a stream, got {stream_id!r}"[:200], "stream_not_found")


def _decision(answer: Answer) -> Decided:
    match answer:
        case Decided():
            return answer
        case AlreadyDecided(_, decision):
            raise Refusal(409, f"expected a call that waits for a decision, got one that is {decision}", "conflict")
        case OtherArguments():
            raise Refusal(409, "expected the arguments of the call, got others: read the call again", "conflict")
        case OtherQuestion():
            raise Refusal(409, "expected the question of the call, got another: read the call again", "conflict")
        case InvalidEdit(_, reason):
            raise Refusal(422, f"edited: {'; '.join(reason.splitlines())}")
        case InvalidAlways(_, reason):
            raise Refusal(422, f"always: {reason}")
        case InvalidReply(_, reason):
            raise Refusal(422, f"answer: {reason}")
        case OtherKind(_, awaits):
            way = "answer it" if awaits == "answer" else "approve or deny it"
            raise Refusal(409, f"this call waits for an {awaits}: {way}", "conflict")
        case NotAsked():
            raise Refusal(404, "expected a call of this stream that waits for a decision", "call_not_found")
    assert_never(answer)

"""Carries out a turn: streams the model's answer to the subscribers, runs its tools, and streams on with the results.

Source: API reference, "Module: streaming_function_handler". What happens is decided in core/step.py; this is its shell.

    Continue(accumulator) | Done(accumulator) | Error(reason)      of process_stream_event
    Ok(response, state) | Error(reason)                            of everything that ends a turn
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import uuid4

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from actors import Pid, Task, alive
from actors.clock import now_s, unix_s
from agents.core.accumulator import Accumulator, fold, init_accumulator
from agents.core.checkpoint import Checkpoint, Log, interrupted, resumed
from agents.core.conversation import Conversation, Message
from agents.core.deltas import Delta, Failed, Finished
from agents.core.errors import Fault, HandlerCrashed, ParseError
from agents.core.events import Response, StreamComplete
from agents.core.metrics import Tally
from agents.core.step import step
from agents.core.stream_event import deltas_of, metadata_of
from agents.core.turn import Past, Phase, Step, Turn, begin
from agents.instance.arguments import checked_pid
from agents.instance.state import AgentState
from agents.llm.endpoint import Api
from agents.streams.stream import Stream
from agents.streams.turn_shell import TurnShell

__all__ = [
    "Continue",
    "Done",
    "Error",
    "Ok",
    "finalize_stream",
    "handle_chat_api_stream",
    "handle_responses_api_stream",
    "init_accumulator",
    "process_stream_event",
]


class Continue(Struct, frozen=True):
    accumulator: Accumulator


class Done(Struct, frozen=True):
    accumulator: Accumulator


class Error(Struct, frozen=True):
    reason: Fault


class Ok(Struct, frozen=True):
    response: Response
    state: AgentState


StreamResult: TypeAlias = Continue | Done | Error
TurnResult: TypeAlias = Ok | Error
Subscriber: TypeAlias = Pid | Stream


def process_stream_event(
    event: Delta | Mapping[str, Any], accumulator: Accumulator, stream_pid: Subscriber
) -> StreamResult:
    """Fold one event of a model's stream, and send what it causes to stream_pid.

    event: a delta of core/deltas.py, or the documented mapping: {"type": "content_delta", "data": "Hello"}. Any other
    event, or one that does not fit its call, gives Error with a ParseError; then nothing was sent.
    """
    stream = _stream(stream_pid)
    try:
        deltas = deltas_of(event, accumulator)
        if metadata := metadata_of(event):
            accumulator = accumulator.with_metadata(metadata)
    except ValueError as error:
        return Error(ParseError(str(error)))
    for delta in deltas:
        accumulator, events = fold(accumulator, delta)
        for each in events:
            stream.publish(each)
    match accumulator.end:
        case None:
            return Continue(accumulator)
        case Failed(fault):
            return Error(fault)
        case _:
            return Done(accumulator)


async def finalize_stream(accumulator: Accumulator, stream_pid: Subscriber, state: AgentState) -> TurnResult:
    """From the end of a model's answer to the end of the turn.

    Runs the calls that the accumulator holds, goes on with their results until the model needs no more, and sends
    stream_complete. state's conversation ends with the message that was being answered.
    """
    past = _past(state)
    end = accumulator.end or Finished(None)
    turn = Turn(Phase.STREAMING, replace(accumulator, end=None), past)
    return await _carry_out(step(turn, end, now_s()), _stream(stream_pid), state)


async def handle_chat_api_stream(
    stream_pid: Subscriber, messages: Conversation | Sequence[Mapping[str, Any]], state: AgentState
) -> TurnResult:
    """A turn over the Chat Completions API: answer the last of messages.

    messages: a conversation, or mappings {"role", "content"}. The state of Ok holds the conversation with the answer.
    """
    return await _answer(Api.CHAT, stream_pid, messages, state)


async def handle_responses_api_stream(
    stream_pid: Subscriber, input_: Conversation | Sequence[Mapping[str, Any]], state: AgentState
) -> TurnResult:
    """A turn over the Responses API: as handle_chat_api_stream."""
    return await _answer(Api.RESPONSES, stream_pid, input_, state)


async def resume_stream(saved: Checkpoint, log: Log, stream: Stream, state: AgentState) -> TurnResult:
    """Go on with a turn that was cut, from its last checkpoint. state: with the conversation before the turn."""
    idempotent = {name for name, tool in state.config.tools.items() if tool.idempotent}
    return await _carry_out(resumed(saved, log, _past(state), idempotent=idempotent, now_s=now_s()), stream, state)


def interrupt_stream(saved: Checkpoint, log: Log, fault: Fault, stream: Stream, state: AgentState) -> Conversation:
    """End a turn that was cut, where resume_stream would go on with it: the conversation with what is known of it."""
    stream.turn, events = interrupted(saved, log, _past(state), now_s(), fault)
    for event in events:
        stream.publish(event)  # type: ignore[arg-type]  # an interrupted turn has no work left
    return stream.turn.conversation


async def _answer(
    api: Api, stream_pid: Subscriber, messages: Conversation | Sequence[Mapping[str, Any]], state: AgentState
) -> TurnResult:
    conversation = msgspec.convert(tuple(messages), tuple[Message, ...], from_attributes=False)
    state = replace(state, config=state.config.over(api), conversation=conversation)
    stream = _stream(stream_pid)
    begun = begin(stream.id, state.config.id, conversation, state.config.policy, _tally())
    return await _carry_out(begun, stream, state)


def _past(state: AgentState) -> Past:
    """Return the past of a turn that begins now."""
    return Past(state.config.id, state.conversation, state.config.policy, _tally())


def _tally() -> Tally:
    return Tally(now_s(), unix_s())


async def _carry_out(begun: Step, stream: Stream, state: AgentState) -> TurnResult:
    turn = await TurnShell(stream, state.config).run(begun)
    outcome = turn.outcome
    assert outcome is not None
    if isinstance(outcome, StreamComplete):
        return Ok(outcome.response, replace(state, conversation=turn.conversation))
    return Error(outcome.reason)


class StreamHandler(Task):
    """The process of one turn: `answer(message, stream, state)`, which ends in Ok or Error.

    Its agent starts it, is linked to it, and ends a stream whose handler died. When the agent dies, too, the handler
    ends the stream itself, before it goes.
    """

    def __init__(
        self,
        answer: Callable[[str, Stream, AgentState], Awaitable[TurnResult]],
        message: str,
        stream: Stream,
        state: AgentState,
    ) -> None:
        self._answer, self._message, self._stream, self._state = answer, message, stream, state

    async def run(self) -> None:
        try:
            await self._answer(self._message, self._stream, self._state)
        except asyncio.CancelledError:
            agent = self._stream.agent
            if agent is None or not alive(agent):
                self._stream.fail(HandlerCrashed("its agent ended"), now_s())
            raise


def _stream(subscriber: Subscriber) -> Stream:
    return subscriber if isinstance(subscriber, Stream) else Stream(uuid4().hex, subscribers=[checked_pid(subscriber)])

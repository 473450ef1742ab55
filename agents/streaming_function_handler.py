"""The documented functions that fold a model's stream and run a turn.

Source: API reference, "Module: streaming_function_handler". An agent's own turns start in streams/handler.py.

    Continue(accumulator) | Done(accumulator) | Error(reason)      returned by process_stream_event
    Ok(response, state) | Error(reason)                            returned by each function that ends a turn
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from uuid import uuid4

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from actors import Pid
from actors.clock import now_s, unix_s
from agents.agent_config.speaking import policy_of
from agents.core.accumulator import Accumulator, fold, init_accumulator
from agents.core.asking import begin
from agents.core.compaction import NOTHING_LEFT_OUT
from agents.core.conversation import Conversation, Message
from agents.core.deltas import Delta, Failed, Finished
from agents.core.errors import Fault, ParseError
from agents.core.events import StreamComplete
from agents.core.response import Response
from agents.core.step import step
from agents.core.stream_event import deltas_of, metadata_of
from agents.core.turn import Phase, Step, Turn
from agents.instance.arguments import checked_pid
from agents.instance.state import AgentState
from agents.llm.endpoint import Api
from agents.streams.handler import new_tally, past_of
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
    """The stream goes on. accumulator: everything that has arrived."""

    accumulator: Accumulator


class Done(Struct, frozen=True):
    """The stream is whole. accumulator: everything that has arrived."""

    accumulator: Accumulator


class Error(Struct, frozen=True):
    """The stream failed."""

    reason: Fault


class Ok(Struct, frozen=True):
    """The turn ended. response: the answer. state: the agent's next state."""

    response: Response
    state: AgentState


StreamResult: TypeAlias = Continue | Done | Error
TurnResult: TypeAlias = Ok | Error
Subscriber: TypeAlias = Pid | Stream


def process_stream_event(
    event: Delta | Mapping[str, Any], accumulator: Accumulator, stream_pid: Subscriber
) -> StreamResult:
    """Fold one event of a model's stream, and send the resulting events to stream_pid.

    event: a delta of core/deltas.py, or the documented mapping: {"type": "content_delta", "data": "Hello"}. For any
    other event, and for one that does not fit its call, return Error with a ParseError and send nothing.
    """
    stream = _stream(stream_pid)
    try:
        deltas = deltas_of(event, accumulator)
        if metadata := metadata_of(event):
            accumulator = accumulator.with_metadata(metadata)
    except ValueError as error:
        return Error(ParseError(str(error)))
    for delta in deltas:
        accumulator, events = fold(accumulator, delta, unix_s())
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
    """Run a turn from the end of a model's answer to its own end.

    Run the accumulator's calls, ask the model with their results until an answer has no calls, and send
    stream_complete. The conversation of state ends with the answered message.
    """
    past = past_of(state.config, state.conversation, state.compaction)
    end = accumulator.end or Finished(None)
    turn = Turn(Phase.STREAMING, replace(accumulator, end=None), past)
    return await _carry_out(step(turn, end, now_s()), _stream(stream_pid), state)


async def handle_chat_api_stream(
    stream_pid: Subscriber, messages: Conversation | Sequence[Mapping[str, Any]], state: AgentState
) -> TurnResult:
    """Run a turn over the Chat Completions API that answers the last of messages.

    messages: a conversation, or mappings {"role", "content"}. The state of Ok has the conversation with the answer.
    """
    return await _answer(Api.CHAT, stream_pid, messages, state)


async def handle_responses_api_stream(
    stream_pid: Subscriber, input_: Conversation | Sequence[Mapping[str, Any]], state: AgentState
) -> TurnResult:
    """Run a turn over the Responses API. The arguments are as in handle_chat_api_stream."""
    return await _answer(Api.RESPONSES, stream_pid, input_, state)


async def _answer(
    api: Api, stream_pid: Subscriber, messages: Conversation | Sequence[Mapping[str, Any]], state: AgentState
) -> TurnResult:
    conversation = msgspec.convert(tuple(messages), tuple[Message, ...], from_attributes=False)
    continues = conversation[: len(state.conversation)] == state.conversation
    compaction = state.compaction if continues else NOTHING_LEFT_OUT
    state = replace(state, config=state.config.over(api), conversation=conversation, compaction=compaction)
    stream = _stream(stream_pid)
    begun = begin(stream.id, state.config.id, conversation, policy_of(state.config), new_tally(), compaction)
    return await _carry_out(begun, stream, state)


async def _carry_out(begun: Step, stream: Stream, state: AgentState) -> TurnResult:
    turn = await TurnShell(stream, state.config, state.parts).run(begun)
    outcome = turn.outcome
    assert outcome is not None
    if isinstance(outcome, StreamComplete):
        following = replace(state, conversation=turn.conversation, compaction=turn.past.compaction)
        return Ok(outcome.response, following)
    return Error(outcome.reason)


def _stream(subscriber: Subscriber) -> Stream:
    return subscriber if isinstance(subscriber, Stream) else Stream(uuid4().hex, subscribers=[checked_pid(subscriber)])

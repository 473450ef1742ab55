"""A message on its way into an agent's conversation: its bytes are kept, and it waits for a turn or joins one."""

from msgspec.structs import replace

from actors import Reply
from actors.clock import now_s
from agents.agent_config.parts import refusal
from agents.core.checkpoint import TurnCheckpoint
from agents.core.errors import ContentRefused
from agents.core.parts import Content
from agents.instance.requests import Full, Steer
from agents.instance.state import AgentState, Running, StreamChat
from agents.instance.waking import recorder_of
from agents.parts.given import NO_BLOBS
from agents.parts.store import UnknownPart
from agents.sessions import SessionError
from agents.sessions.checkpoints import HEAD


async def joins(chat: StreamChat, running: Running, state: AgentState) -> bool:
    """Add the message to the running turn, and return whether the turn reads it."""
    if chat.blobs and not _may_join(running, state):
        return False
    chat = await kept(chat, state)
    return steered(running, chat.message, state) is True


def _may_join(running: Running, state: AgentState) -> bool:
    return running.continues and running.stream.steering < state.config.max_steering


async def kept(chat: StreamChat, state: AgentState) -> StreamChat:
    """Keep the bytes of the message's parts, and return the message without them. Raises SessionError."""
    if not chat.blobs:
        return chat
    await state.parts.put(chat.blobs)
    return replace(chat, blobs=NO_BLOBS)


async def recorded(chat: StreamChat, state: AgentState) -> StreamChat:
    """Return the message with its recorder, if the session is kept. The message is on its way to disk.

    The messages of its request are a checkpoint, from which its turn begins after a crash. Raises SessionError if the
    bytes of its parts, or these messages, can't be kept.
    """
    if chat.recorder is not None:
        return chat
    chat = await kept(chat, state)
    if not state.keeping.kept:
        return chat
    asked = () if chat.request is None else chat.request.messages
    saved = HEAD.written(TurnCheckpoint(asked)) if asked else None
    recorder = await recorder_of(state.config.id, chat.stream_id, chat.message)
    if recorder is not None and saved is not None:
        recorder.checkpoint(saved)
    return replace(chat, recorder=recorder)


def steered(running: Running | None, message: Content, state: AgentState) -> bool | Full:
    """Add the message to the running turn. Return False if no turn runs, or if the turn is stopping."""
    if running is None or not running.continues:
        return False
    if running.stream.steering >= state.config.max_steering:
        return Full(state.config.max_steering)
    return running.stream.steer(message, now_s())


def steer(request: Steer, state: AgentState) -> bool | Full | ContentRefused:
    """Add the message to the running turn, if it has the wanted stream."""
    if (refused := refusal(state.config, request.message)) is not None:
        return refused
    running = state.running if state.running_stream(request.stream_id) is not None else None
    return steered(running, request.message, state)


async def keep_and_steer(request: Steer, state: AgentState) -> Reply[AgentState]:
    """Do the same with a message whose parts have bytes."""
    if (refused := refusal(state.config, request.message)) is not None:
        return Reply(refused, state)
    try:
        if state.running is not None and _may_join(state.running, state):
            await state.parts.put(request.blobs)
    except SessionError as failed:
        return Reply(ContentRefused(failed.for_client), state)
    return Reply(steer(request, state), state)


async def part_of(key: str, state: AgentState) -> Reply[AgentState]:
    """Reply with the bytes of a part of the conversation, or with None."""
    try:
        return Reply((await state.parts.get((key,)))[key], state)
    except (UnknownPart, SessionError):
        return Reply(None, state)

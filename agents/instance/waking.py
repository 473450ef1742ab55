"""The session of an agent: how an agent opens its session, and how a kept session gets an agent again.

A session has the id of its agent. If sessions are not kept (no journal runs), these functions do nothing.
"""

from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Final

from msgspec.structs import replace

from actors import IGNORE, CallFailed, Pid, StartFailed, ended, whereis
from actors.log import get_logger
from agents.agent_config import AgentConfig
from agents.agent_config.kept import kept_config, restored
from agents.agent_registry import begun, find_agent, leaving
from agents.core.checkpoint import first_checkpoint
from agents.core.compaction import NOTHING_LEFT_OUT, Compaction
from agents.core.conversation import Conversation
from agents.core.parts import Content
from agents.core.published import log_of
from agents.instance.elsewhere import CLUSTER, agent_elsewhere, woken_elsewhere
from agents.sessions import (
    JournalHandle,
    OpenStream,
    Recorder,
    SessionError,
    SessionExists,
    SessionRecord,
    UnknownSession,
    open_journal,
)
from agents.sessions.checkpoints import read_checkpoint
from agents.sessions.cut import Cut
from supervisors import AlreadyStarted
from supervisors.agent_supervisor import settled, start_agent

LOOK_S: Final = 0.1
LOOKS: Final = 50
"""The pause between two looks for a sub-agent whose caller is started first, and the most of them."""

log = get_logger("understudy.agents")


class Origin(Enum):
    """The source of an agent's configuration.

    GIVEN: the program. ADMIN: a client with the scope `admin`. USER: another client, which must own the session if it
    exists. BEGUN: the program, for a session that a client begins and must own. ONCE: the program, for one turn of a
    client; the session is not kept. KEPT: a session that must still exist.
    """

    GIVEN = "given"
    ADMIN = "admin"
    USER = "user"
    BEGUN = "begun"
    ONCE = "once"
    KEPT = "kept"

    @property
    def of_host(self) -> bool:
        """Whether the configuration is the program's, so that it may name code, addresses and keys."""
        return self in (Origin.GIVEN, Origin.BEGUN, Origin.ONCE)


async def open_session(
    config: AgentConfig, given: Mapping[str, Any], ahead: int, origin: Origin = Origin.GIVEN
) -> tuple[Conversation, Compaction, tuple[Cut, ...]]:
    """Open the agent's session. Return its conversation, its last compaction, and its cut turns in their order.

    Raises SessionError: UnknownSession if a kept session was deleted, SessionExists if another user owns the session.
    The agent has registered its name before, which deleting and forking also need, so the check stays valid.

    given: the configuration that the agent was started with. ahead: number of events that may have been published
    without being on disk. Their seqs are not used again.
    """
    await predecessor_gone(config.id)
    journal = None if origin is Origin.ONCE else await open_journal()
    if journal is None:
        return config.opening(), NOTHING_LEFT_OUT, ()
    session = None
    if origin in (Origin.USER, Origin.BEGUN, Origin.KEPT):
        session = await journal.store.session(config.id)
        _check_origin(origin, config, session)
    parent = None if config.parent is None else (config.parent.session_id, config.parent.call_id)
    journal.begin_session(config.id, config.name, kept_config(given), owner=config.owner, parent=parent)
    if config.parent is not None and not config.parent.again:  # a new session, which is written with its first stream
        return config.opening(), NOTHING_LEFT_OUT, ()
    await journal.durable(config.id)
    if session is None and await journal.is_empty(config.id):  # one read in place of three
        return config.opening(), NOTHING_LEFT_OUT, ()
    conversation = await journal.store.conversation(config.id)
    open_ = await journal.store.open_streams(config.id)
    if open_:  # count the recovery before the turn can end the program again; later turns have not run
        await journal.store.recovering(open_[0].stream_id)
    cuts = [await cut_turn(journal, each, ahead, again=not place) for place, each in enumerate(open_)]
    if config.parent is None and session is not None and session.parent_id is not None:
        cuts = [replace(cut, abandoned=True) for cut in cuts]
    compaction = await journal.store.compaction(config.id, len(conversation))
    return (*config.opening(), *conversation), compaction, tuple(cuts)


def _check_origin(origin: Origin, config: AgentConfig, session: SessionRecord | None) -> None:
    if origin is Origin.KEPT and session is None:
        raise UnknownSession(config.id)
    if origin in (Origin.USER, Origin.BEGUN) and session is not None and session.owner != config.owner:
        raise SessionExists(config.id)


async def recorder_of(agent_id: str, stream_id: str, message: Content) -> Recorder | None:
    """Return the recorder of a new stream; None if sessions are not kept. The message is on its way to disk."""
    journal = await open_journal()
    if journal is None:
        return None
    return journal.recorder(agent_id, stream_id, message, on_durable=_to_nobody, on_failure=_to_nobody)


async def wake(agent_id: str, *, here: bool = False) -> Pid | None:
    """Return the agent with this id. If none runs, start one for the session with this id; None if neither exists.

    If another node of the cluster owns the session, return the stand-in of its agent. A free session may wake on a node
    with less load, unless here is True. Raises InvalidAgentConfig if the
    kept configuration has become invalid: a tool is missing, or it names code or an address that this program gave no
    agent. Raises SessionError if the session can't be read, and NotRestarted if the agent crashes again and again.
    """
    if (pid := find_agent(agent_id)) is not None:
        return pid
    await predecessor_gone(agent_id)  # its session is then free for the node that is to have it
    if (pid := await agent_elsewhere(agent_id)) is not None:
        return pid
    journal = await open_journal()
    session = await journal.store.session(agent_id) if journal is not None else None
    if journal is None or session is None or session.config is None:
        return None
    if session.parent_id is not None and await _continues(journal, session.parent_id, agent_id):
        return await _begun(agent_id)
    if not here and await woken_elsewhere(agent_id) and (pid := await agent_elsewhere(agent_id)) is not None:
        return pid
    await settled(agent_id)
    if (pid := find_agent(agent_id)) is not None:
        return pid
    try:
        return await start_agent(configured(session, session.config), Origin.KEPT)
    except AlreadyStarted as other:
        return other.pid
    except StartFailed as failed:
        if failed.reason is IGNORE:  # the session was deleted after it was read
            return None
        raise


async def _continues(journal: JournalHandle, caller_id: str, agent_id: str) -> bool:
    """Wake the caller of a sub-agent whose turns were both cut. Return whether they were: its call starts the agent."""
    store = journal.store
    if not (await store.open_streams(agent_id) and await store.open_streams(caller_id)):
        return False
    await wake(caller_id)
    return True


async def _begun(agent_id: str) -> Pid | None:
    """Return the sub-agent when its caller's turn has started it again; None if that takes too long."""
    for _ in range(LOOKS):
        if (pid := find_agent(agent_id) or await agent_elsewhere(agent_id)) is not None:
            return pid
        if (pid := await begun(agent_id, LOOK_S)) is not None:
            return pid
    return None


def configured(session: SessionRecord, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with which the session's agent starts again."""
    return {**restored(config), "id": session.id, "owner": session.owner}


async def leave_session(agent_id: str) -> None:
    """Free the session of an agent that ends and has no turn, so that its next message may start it on any node."""
    if whereis(CLUSTER) is None:  # an agent without a cluster ends at once, so that its id is free
        return
    with suppress(CallFailed, SessionError):  # the session stays with this node, which is no fault
        journal = await open_journal()
        if journal is not None and journal.store.node is not None:
            await journal.durable(agent_id)
            await journal.store.node.release(agent_id)


async def cut_turn(journal: JournalHandle, open_: OpenStream, ahead: int, *, again: bool) -> Cut:
    """Return the known part of a turn that was cut. ahead: as in open_session. again: whether its resume counts."""
    events = await journal.store.events(open_.stream_id)
    log_ = log_of(open_.stream_id, events)
    saved = first_checkpoint(open_.message, events)
    if open_.checkpoint is not None:
        saved = read_checkpoint(open_.checkpoint)
    waits = () if open_.checkpoint is None else await journal.store.waits(open_.stream_id)
    calling = saved.executing is not None
    noted = await journal.store.effects_of(open_.session_id, open_.stream_id) if calling else []
    recorder = journal.resumed(open_, on_durable=_to_nobody, on_failure=_to_nobody)
    recorder.waited(each.waiting.call.index for each in waits)
    ahead = 0 if open_.parked else ahead
    log_ = replace(log_, seq=log_.seq + ahead if events else 0)
    counts = open_.recoveries + (again and not open_.parked), open_.takeovers
    begun = open_.stream_id, open_.message, saved, tuple(events), log_, recorder
    return Cut(*begun, *counts, parked=open_.parked, waits=waits, effects=tuple(noted))


def turn_name(agent_id: str) -> str:
    """Return the name of the process that runs the agent's turn."""
    return f"turn:{agent_id}"


async def predecessor_gone(agent_id: str) -> None:
    """Wait for an agent that ends in order, and for the last turn of a crashed one: a session has one writer."""
    if (predecessor := leaving(agent_id)) is not None:
        await ended(predecessor)
    if (handler := whereis(turn_name(agent_id))) is not None:
        await ended(handler)


def _to_nobody(_: object) -> None:
    """Do nothing: the stream does not exist yet."""

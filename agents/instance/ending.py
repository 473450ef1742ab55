"""The end of an agent with its turns: each gets its terminal event, or goes to the next node without one."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from actors import SHUTDOWN, Pid, Shutdown, ended
from actors import exit as send_exit
from actors.clock import now_s
from agents.core.errors import HandlerCrashed, Interrupted, StoreFailed
from agents.core.turn import Phase
from agents.instance.elsewhere import HANDED_OVER
from agents.instance.messages import recorded
from agents.instance.state import AgentState, StreamChat
from agents.instance.subscriptions import known
from agents.instance.turns import refuse, words_of
from agents.sessions import SessionError
from agents.streams.report import report_end


async def end_turns(agent: Pid, reason: Any, state: AgentState) -> None:
    """End the running turn, the waiting turns, and those of unread messages. Each stream gets its terminal event."""
    for timer in state.timers.values():
        timer.cancel()
    if state.handed_over:
        return
    ordered = reason in (SHUTDOWN, HANDED_OVER)
    stopped = Interrupted() if ordered else HandlerCrashed(f"its agent ended: {words_of(reason)}")
    if (running := state.running) is not None:
        send_exit(running.handler, Shutdown("agent ended"))
        await ended(running.handler)
        running.stream.fail(running.fault or stopped, now_s())
        await running.stream.durable()
        report_end(state.config.id, running.stream)
    for waiting in (*state.queue, *_unread(agent, state)):
        refuse(agent, waiting, stopped, state)


async def given_up(agent: Pid, at_once: bool, state: AgentState) -> AgentState | None:
    """Stop the running turn without an end, and return the state without turns. All of them are on disk.

    Return None while calls of the turn run, unless at_once is True. An agent whose session is not kept has no next
    node: its turns end here.
    """
    if not state.keeping.kept:
        return state if at_once or (state.running is None and not state.queue) else None
    if (running := state.running) is not None and not running.over:
        turn = running.stream.turn
        if not at_once and turn is not None and turn.phase is Phase.EXECUTING:
            return None
        send_exit(running.handler, Shutdown("turn handed over"))
        await ended(running.handler)
        await running.stream.durable()
    for chat in _unread(agent, state):
        try:
            await recorded(chat, state)
        except SessionError as failed:
            refuse(agent, chat, StoreFailed(failed.for_client), state)
    return replace(state, running=None, queue=(), handed_over=True)


def _unread(agent: Pid, state: AgentState) -> Iterator[StreamChat]:
    """Yield the unread messages, except those with the id of an existing stream."""
    process = agent.process
    for message, _ in process.mailbox if process is not None else ():
        if isinstance(message, StreamChat) and not known(state, message.stream_id):
            yield message

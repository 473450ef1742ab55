"""Agents by their ids: an id names the agent that runs now, and after a restart its successor.

While an agent is restarted, its id has no process. A function that waits then waits for the successor. A message of a
function that returns at once waits in a process of its own, so that messages to one id keep their order.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final, TypeVar

from actors import (
    NORMAL,
    CallFailed,
    CallTimeout,
    NoSystem,
    Pid,
    Request,
    StartFailed,
    Task,
    call,
    register,
    send,
    unregister,
    whereis,
)
from actors.log import get_logger
from actors.system.process_system import CALL_TIMEOUT_S
from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import find_agent, id_of, is_expected, leaving
from agents.core.errors import HandlerCrashed
from agents.core.events import StreamError
from agents.instance.arguments import checked_agent
from agents.instance.elsewhere import CLUSTER, HANDED_OVER, PARKED, agent_elsewhere
from agents.instance.state import StreamChat
from agents.instance.waking import wake
from agents.sessions import JOURNAL, SessionError, open_journal
from supervisors import count_children
from supervisors.agent_supervisor import AGENT_SUPERVISOR, NO_AGENT, settled

T = TypeVar("T")

ROOT: Final = "understudy"
"""The name of the application's root supervisor."""

SUCCESSOR_S: Final = 5.0
"""The longest wait for a successor: the default timeout of a call."""

log = get_logger("understudy.agents")


def check_known(agent: Pid | str, *, wakes: bool = False) -> None:
    """Raise CallFailed if it is certain that no agent has the id.

    wakes: an agent may be started for a kept session. On another thread than the loop's nothing is certain.
    """
    if isinstance(agent, str):
        with suppress(NoSystem):
            if find_agent(agent) is None and not _may_come(agent, wakes=wakes):
                raise CallFailed(agent, NO_AGENT)


async def present(agent: Pid | str, *, wakes: bool = False) -> Pid:
    """Return the Pid of the agent, and wait if the agent is being restarted.

    wakes: start an agent for a kept session with this id, also if the last one is about to end. An agent of another
    node is given by its stand-in. Raises CallFailed if no agent has the id, NotRestarted if the agent crashes again and
    again, and CallTimeout if the restart of its supervisor takes longer than SUCCESSOR_S.
    """
    if isinstance(agent, Pid):
        return agent
    wakes = wakes or leaving(agent) is not None
    pid = find_agent(agent) or await _successor(agent)
    if pid is None:
        pid = await (wake(agent) if wakes else agent_elsewhere(agent))
    if pid is None:
        raise CallFailed(agent, NO_AGENT)
    return pid


async def awake(agent: Pid | str) -> Pid | str:
    """Return the agent. If its turn is parked, start it first."""
    if not isinstance(agent, str) or (find_agent(agent) or leaving(agent)) is not None:
        return agent
    journal = await open_journal()
    parked = journal is not None and await journal.store.parked([agent])
    return await present(agent, wakes=True) if parked else agent


async def successor(agent_id: str) -> Pid | None:
    """Return the agent with this id after one that ended in order. Return None if no other one starts."""
    try:
        return await present(agent_id, wakes=True)
    except (CallFailed, InvalidAgentConfig, SessionError, StartFailed):
        return None


def deliver(agent: Pid | str, message: Any, *, wakes: bool = False) -> None:
    """Send the message now, or as soon as the agent's successor runs. Messages to one id keep their order.

    wakes: as in check_known, which this calls.
    """
    check_known(agent, wakes=wakes)
    if isinstance(agent, Pid):
        return send(agent, message)
    name = _delivery(agent)
    to = whereis(name) or find_agent(agent)
    if to is None:
        register(name, to := Delivery.start(agent))
    return send(to, message)


class Delivery(Task):
    """The messages to an agent that is being restarted, or woken. They are sent in order when the agent runs."""

    def __init__(self, agent_id: str) -> None:
        self._agent_id = agent_id

    async def run(self) -> None:
        while self.process.mailbox:
            message = await self.receive()
            wakes = isinstance(message, StreamChat) or whereis(CLUSTER) is None
            try:
                pid = await present(self._agent_id, wakes=wakes)
                while find_agent(self._agent_id) != pid:  # it has ended again, and reads no more messages
                    pid = await present(self._agent_id, wakes=wakes)
                self.send(pid, message)
            except (CallFailed, InvalidAgentConfig, SessionError, StartFailed) as failed:
                self._refuse(message, str(failed))
        unregister(_delivery(self._agent_id))  # in the same step as the last look: the next message goes to the agent

    def _refuse(self, message: Any, reason: str) -> None:
        log.warning("message_not_delivered", agent=self._agent_id, message=type(message).__name__, reason=reason)
        if isinstance(message, StreamChat) and message.subscriber is not None:
            self.send(message.subscriber, StreamError(HandlerCrashed(reason), stream_id=message.stream_id, seq=1))


def _delivery(agent_id: str) -> str:
    return f"delivery:{agent_id}"


def _may_come(agent_id: str, *, wakes: bool) -> bool:
    """Return whether an agent without a process may get one: by its supervisor, from its session, or a stand-in."""
    restarted = is_expected(agent_id) or (whereis(AGENT_SUPERVISOR) is None and whereis(ROOT) is not None)
    wakes = wakes or leaving(agent_id) is not None
    return restarted or (wakes and whereis(JOURNAL) is not None) or whereis(CLUSTER) is not None


async def _successor(agent_id: str) -> Pid | None:
    """Wait for the agent's restart. Return None if no agent has the id. Raises NotRestarted."""
    try:
        async with asyncio.timeout(SUCCESSOR_S):
            if whereis(ROOT) is not None:
                await count_children(ROOT)  # answered after a restart of the supervisor, and of the settings' agents
    except TimeoutError:
        raise CallTimeout(agent_id, SUCCESSOR_S) from None
    await settled(agent_id)
    return find_agent(agent_id)


async def ask(pid: Pid | str, request: Request[T], *, timeout_s: float | None = CALL_TIMEOUT_S) -> T:
    """Return the answer. An agent that ends in order has not read the request: its successor is asked."""
    agent = await present(checked_agent(pid))
    while True:
        agent_id = id_of(agent) or ""
        try:
            return await call(agent, request, timeout_s)
        except CallFailed as failed:
            other = await successor(agent_id) if failed.reason in (NORMAL, HANDED_OVER, PARKED) else None
            if other is None:
                raise
        agent = other

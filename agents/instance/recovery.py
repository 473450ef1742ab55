"""The recovery of turns that were cut: their agents are started again, side by side."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from actors import IGNORE, CallFailed, StartFailed, Task
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import step_aside
from agents.instance.waking import Origin, configured
from agents.sessions import SessionError, open_journal
from supervisors import AlreadyStarted
from supervisors.agent_supervisor import start_agents

log = get_logger("understudy.agents")

AT_ONCE: Final = 20  # agents that are woken side by side


class Recovery(Task):
    """A process that wakes the agents with cut turns. A failure of one does not affect the others."""

    async def run(self) -> None:
        journal = await open_journal()
        if journal is not None:
            cut = await journal.store.cut_sessions()
            for first in range(0, len(cut), AT_ONCE):
                await recover(cut[first : first + AT_ONCE])


class EndSubAgents(Task):
    """A process that starts the agents of the turns that were cut below an agent's turn, so that these turns end.

    An agent that waited for their start itself would hold up its supervisor, which starts them.
    """

    def __init__(self, agent_id: str) -> None:
        self._agent_id = agent_id

    async def run(self) -> None:
        with suppress(CallFailed, SessionError):  # the next start of the program finds them
            journal = await open_journal()
            if journal is not None and (cut := await journal.store.cut_sessions(of=self._agent_id)):
                await recover(cut)


async def recover(ids: Iterable[str]) -> list[str]:
    """Start the agents of these kept sessions, side by side. A failure of one does not affect the others.

    Return the ids of the sessions whose configuration is not kept, or not one of this program.
    """
    journal = await open_journal()
    assert journal is not None, "expected kept sessions"
    chosen = list(ids)
    for agent_id in chosen:
        step_aside(agent_id)  # a stand-in has followed the session until now
    found = await asyncio.gather(*map(journal.store.session, chosen), return_exceptions=True)
    given, unfit = {}, []
    for agent_id, session in zip(chosen, found, strict=True):
        if isinstance(session, SessionError):
            log.warning("session_not_recovered", session=agent_id, reason=str(session))
        elif isinstance(session, BaseException):
            raise session
        elif session is not None and session.config is not None:
            given[agent_id] = configured(session, session.config)
        elif session is not None:
            unfit.append(agent_id)
    outcomes = await start_agents(given.values(), Origin.KEPT)
    for agent_id, outcome in zip(given, outcomes, strict=True):
        deleted = isinstance(outcome, StartFailed) and outcome.reason is IGNORE
        if isinstance(outcome, Exception) and not (deleted or isinstance(outcome, AlreadyStarted)):
            log.warning("session_not_recovered", session=agent_id, reason=str(outcome))
        if isinstance(outcome, InvalidAgentConfig):
            unfit.append(agent_id)
    return unfit

"""A session's agent on this node, for the requests of other nodes."""

from typing import Final, Protocol

from msgspec import Struct

from actors import CallFailed, Pid, StartFailed
from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import find_agent, stands_in
from agents.instance.by_id import present
from agents.sessions import SessionError

NOT_STARTED: Final[tuple[type[Exception], ...]] = (InvalidAgentConfig, SessionError, StartFailed)
"""The errors of an agent that could not be started."""


class OwnedBy(Struct, frozen=True):
    """This node does not own the session. epoch: the owner, if it is known."""

    epoch: int | None = None


class Find(Protocol):
    async def __call__(self, session: str, *, wakes: bool) -> Pid | OwnedBy | None:
        """Return the session's agent on this node.

        wakes: start the agent if it sleeps; without it, a sleeping agent is None. Raises NOT_STARTED.
        """


async def agent_here(session: str, *, wakes: bool) -> Pid | OwnedBy | None:
    """Find an agent without asking the store for the owner of its session."""
    pid = find_agent(session)
    if stands_in(pid):
        return OwnedBy()
    try:
        return await present(session, wakes=True) if pid is None and wakes else pid
    except CallFailed:
        return OwnedBy()


def line_of(failed: Exception) -> str:
    """Return one line, without the place of the store."""
    text = failed.for_client if isinstance(failed, SessionError) else str(failed)
    return " ".join(text.split())

"""The MCP sessions of one user, over streamable HTTP.

    understudy                the application's root
    └── McpEndpoint           one for each user with MCP sessions; begun by the user's first request

The official server keeps the sessions of one event loop in one task. That task is this process. If the process ends,
its sessions end, and their clients begin new ones. A session of another user is unknown here.
"""

import asyncio
from contextlib import suppress
from typing import Any, Final
from weakref import WeakKeyDictionary

from agents.extras import extra

with extra("mcp", "the MCP endpoint"):
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from actors import Task, whereis
from actors.system.current import current_system
from actors.system.process_system import ProcessSystem
from agents.mcp.lines import MAX_MESSAGE_BYTES
from agents.mcp.offered import OfferedAgents, server_of
from supervisors import AlreadyStarted, ChildSpec, RestartType
from supervisors.api import start_child

MAX_SESSIONS: Final = 100  # of one user
IDLE_S: Final = 1800.0  # from the last request of a session to its end
AGENTS: Final = "understudy.offered_agents"
"""The key of a request's OfferedAgents in its ASGI scope."""


class McpEndpoint(Task):
    """The process of one user's sessions.

    alone: whether all requests of a session come to this OS process. If not, each request of the earlier protocol is a
    session of its own. ready: set when it answers requests, or has ended.
    """

    def __init__(self, user: str, alone: bool, ready: asyncio.Event) -> None:
        self._user, self._ready, self._alone = user, ready, alone

    async def run(self) -> None:
        manager = StreamableHTTPSessionManager(
            server_of(_agents_of),
            stateless=not self._alone,
            session_idle_timeout=IDLE_S,
            max_sessions=MAX_SESSIONS,
            max_request_body_size=MAX_MESSAGE_BYTES,  # the gateway's own limit is lower
        )
        answers = _answers.setdefault(current_system(), {})
        try:
            async with manager.run():
                answers[self._user] = manager
                self._ready.set()
                await asyncio.get_running_loop().create_future()
        finally:
            if answers.get(self._user) is manager:  # a killed process ends after its successor's begin
                del answers[self._user]
            self._ready.set()


async def answer_of(root: str, user: str, *, alone: bool) -> StreamableHTTPSessionManager:
    """Return what answers a user's requests. root: the supervisor of its process. alone: as in McpEndpoint.

    The scope of a request has its agents as AGENTS.
    """
    name = f"mcp_endpoint:{user}"
    known = _answers.setdefault(current_system(), {})
    while (found := known.get(user)) is None or whereis(name) is None:
        ready = asyncio.Event()
        spec = ChildSpec(name, McpEndpoint, user, alone, ready, restart=RestartType.TEMPORARY, name=name)
        with suppress(AlreadyStarted):  # by another request
            await start_child(root, spec)
            await ready.wait()
        await asyncio.sleep(0)
    return found


def _agents_of(ctx: Any) -> OfferedAgents:
    agents: OfferedAgents = ctx.request.scope[AGENTS]
    return agents


_answers: Final[WeakKeyDictionary[ProcessSystem, dict[str, StreamableHTTPSessionManager]]] = WeakKeyDictionary()
"""The official server's part of each process, by user, as an ETS table to which the processes write."""

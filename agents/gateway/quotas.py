"""Quotas of one user: agents, sessions, and bytes of messages that wait. A caller with the scope `admin` has no quota.

The agents and the store are counted at each check, so an ended agent never counts.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

from actors import Pid
from agents.agent_config import InvalidAgentConfig
from agents.agent_config.request import TurnRequest
from agents.agent_registry import agents_of, stands_in
from agents.cluster.everywhere import asked_everywhere
from agents.cluster.node_requests import GetUsage
from agents.core.parts import Content
from agents.gateway.ceilings import within
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.sessions import Sessions
from agents.instance.waiting import cost_bytes, waiting_bytes
from agents.parts.given import GivenContent
from agents.settings import Scope, Settings

RETRY_S: Final = 5


class Locks:
    """A lock for each name that is in use, such as a user who adds an agent. A lock survives a reload."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


class Quotas:
    """The quotas and ceilings of gateway.clients."""

    def __init__(self, settings: Settings, sessions: Sessions, locks: Locks) -> None:
        streaming = settings.streaming
        self._clients, self._sessions, self._locks = settings.gateway.clients, sessions, locks
        self._silence_ms = max(streaming.timeout, streaming.first_byte_timeout or 0)

    def config(self, caller: Caller, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the configuration of the caller's agent. Raises InvalidAgentConfig for values above a ceiling."""
        if _user(caller) is None:
            return given
        config, faults = within(given, self._clients, self._silence_ms)
        if faults:
            raise InvalidAgentConfig(faults)
        return config

    @asynccontextmanager
    async def one_more_agent(self, caller: Caller, agent_id: str | None, *, kept: bool = True) -> AsyncIterator[None]:
        """Let the caller start an agent within the block. Raises Refusal if its user has too many agents or sessions.

        agent_id: of an agent that may run or sleep already; None: a new one. kept: whether the agent has a session.
        """
        if (user := _user(caller)) is None:
            yield
            return
        async with self._locks.lock(user):  # two requests must not share the last place
            if kept and (agent_id is None or not await self._sessions.has_session(agent_id, user)):
                await self._check_sessions(user)
            await self._check_agents(user, agent_id)
            yield

    @asynccontextmanager
    async def one_more_session(self, caller: Caller) -> AsyncIterator[None]:
        """Let the caller add a session within the block. Raises Refusal if its user has too many sessions."""
        if (user := _user(caller)) is None:
            yield
            return
        async with self._locks.lock(user):
            await self._check_sessions(user)
            yield

    def check_options(self, caller: Caller, given: Iterable[str]) -> None:
        """Raise Refusal for a request option that the host does not allow its clients."""
        allowed = self._clients.model_options
        if _user(caller) is not None and (refused := next((key for key in given if key not in allowed), None)):
            raise Refusal(422, f"{refused}: expected one of {', '.join(allowed)}", param=refused)

    async def check_waiting(
        self, caller: Caller, message: str | GivenContent, agent: Pid | None, request: TurnRequest | None = None
    ) -> None:
        """Raise Refusal if the message and those that wait exceed max_waiting_bytes.

        agent: gets the message. request: of the message. The other nodes are asked only for an agent of another node: a
        message for an agent here waits here.
        """
        if (user := _user(caller)) is None:
            return
        most, asked = self._clients.max_waiting_bytes, cost_bytes(_content(message), request)
        if asked > most:
            raise Refusal(413, f"expected a message of at most {most} bytes, got {asked}")
        waiting = sum(map(waiting_bytes, agents_of(user)))
        if stands_in(agent):
            waiting = sum(usage.waiting_bytes for usage in await asked_everywhere(GetUsage(user)))
        if waiting + asked > most:
            words = f"expected at most {most} bytes of waiting messages of one user: retry later"
            raise Refusal(429, words, retry_after_s=RETRY_S)

    async def _check_agents(self, user: str, agent_id: str | None) -> None:
        """Raise Refusal if the user has max_agents agents on all nodes, unless this agent is one of them."""
        most = self._clients.max_agents
        own = {id_ for usage in await asked_everywhere(GetUsage(user)) for id_ in usage.agents}
        if len(own) >= most and agent_id not in own:
            raise Refusal(429, f"expected at most {most} agents of one user: stop one first")

    async def _check_sessions(self, user: str) -> None:
        most = self._clients.max_sessions
        if await self._sessions.count(user) >= most:
            raise Refusal(429, f"expected at most {most} sessions of one user: delete one first")


def _content(message: str | GivenContent) -> Content:
    return message if isinstance(message, str) else message.content


def _user(caller: Caller) -> str | None:
    """Return the user whose quota applies; None for a caller without a quota."""
    return None if caller.may(Scope.ADMIN) else caller.user

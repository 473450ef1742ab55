"""Quotas of one user: agents, sessions, and bytes of messages that wait. A caller with the scope `admin` has no quota.

The agents and the store are counted at each check, so an ended agent never counts.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import agents_of, find_agent
from agents.gateway.ceilings import within
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.sessions import Sessions
from agents.instance.waiting import cost_bytes, waiting_bytes
from agents.settings import ClientLimits, Scope, Settings

RETRY_S = 5


class Quotas:
    """The quotas and ceilings of gateway.clients."""

    _limits: ClientLimits

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        streaming = settings.streaming
        self._limits, self._sessions = settings.gateway.clients, sessions
        self._silence_ms = max(streaming.timeout, streaming.first_byte_timeout or 0)
        self._starting: dict[str, asyncio.Lock] = {}

    def config(self, caller: Caller, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the configuration of the caller's agent. Raises InvalidAgentConfig for values above a ceiling."""
        if _user(caller) is None:
            return given
        config, faults = within(given, self._limits, self._silence_ms)
        if faults:
            raise InvalidAgentConfig(faults)
        return config

    @asynccontextmanager
    async def one_more(self, caller: Caller, session_id: str | None) -> AsyncIterator[None]:
        """Let the caller add one session within the block. Raises Refusal if the caller has too many.

        session_id: a session that may already exist; None: a new one.
        """
        if (user := _user(caller)) is None:
            yield
            return
        async with self._starting.setdefault(user, asyncio.Lock()):  # two requests must not share the last place
            if session_id is None or not await self._sessions.has_session(session_id, user):
                await self._check_sessions(user)
            yield

    def check_agents(self, caller: Caller, agent_id: str | None = None) -> None:
        """Raise Refusal if the caller's user has max_agents agents. An agent_id that already runs is always allowed."""
        user, most = _user(caller), self._limits.max_agents
        if user is None or (agent_id is not None and find_agent(agent_id) is not None):
            return
        if len(agents_of(user)) >= most:
            raise Refusal(429, f"expected at most {most} agents of one user: stop one first")

    def check_waiting(self, caller: Caller, message: str) -> None:
        """Raise Refusal if the message and those that wait exceed max_waiting_bytes."""
        if (user := _user(caller)) is None:
            return
        most, asked = self._limits.max_waiting_bytes, cost_bytes(message)
        if asked > most:
            raise Refusal(413, f"expected a message of at most {most} bytes, got {asked}")
        if sum(map(waiting_bytes, agents_of(user))) + asked > most:
            words = f"expected at most {most} bytes of waiting messages of one user: retry later"
            raise Refusal(429, words, retry_after_s=RETRY_S)

    async def _check_sessions(self, user: str) -> None:
        most = self._limits.max_sessions
        if await self._sessions.count(user) >= most:
            raise Refusal(429, f"expected at most {most} sessions of one user: delete one first")


def _user(caller: Caller) -> str | None:
    """Return the user whose quota applies; None for a caller without a quota."""
    return None if caller.may(Scope.ADMIN) else caller.user

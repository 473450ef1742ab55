"""The stage of the agents' tests: a server, its faults, and agents that use it."""

from typing import Any

from actors import Pid
from agents.core.errors import ApiError, ConnectionClosed, Fault, ParseError, Timeout
from agents.rehearsal import RehearsalServer
from supervisors import agent_supervisor

FAULTS: dict[str, type[Fault]] = {
    "fault-drop": ConnectionClosed,
    "fault-close": ConnectionClosed,
    "fault-truncate": ConnectionClosed,
    "fault-stall": Timeout,
    "fault-error_event": ApiError,
    "fault-rate_limit": ApiError,
    "fault-server_error": ApiError,
    "fault-overloaded": ApiError,
    "fault-bad_json": ParseError,
    "fault-html": ParseError,
}
"""The fault that an agent gets from each failing model of the rehearsal."""


class Stage:
    def __init__(self, server: RehearsalServer) -> None:
        self.server = server

    async def agent(self, model: str, **config: Any) -> Pid:
        return await agent_supervisor.start_agent({"model": model, **config})

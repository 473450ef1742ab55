"""What the agents' tests run against: the server, and agents that talk to it."""

from typing import Any

from actors import Pid
from agents.rehearsal import RehearsalServer
from supervisors import agent_supervisor


class Stage:
    def __init__(self, server: RehearsalServer) -> None:
        self.server = server

    async def agent(self, model: str, **config: Any) -> Pid:
        return await agent_supervisor.start_agent({"model": model, **config})

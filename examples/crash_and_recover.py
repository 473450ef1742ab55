"""Two deaths: a tool's worker process, restarted by the tool's policy, and an agent, restarted by its supervisor."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import actors
from agents import Bound, StreamToolResult, agent, agent_registry, application, start_agent, tool, which_agents
from agents.rehearsal import RehearsalServer, parse

SCRIPT = parse("""
[[models.clerk.turns]]
[[models.clerk.turns.steps]]
tool_calls = [{ name = "look_up", arguments = { title = "Hamlet" } }]
[[models.clerk.turns.steps]]
text = "The archive says: {tool:look_up}."
""")


@tool(idempotent=True, restart="transient", max_restarts=2)
def look_up(title: str, desk: Annotated[Path, Bound]) -> str:
    """Find a title in the archive."""
    if not (desk / "opened").exists():  # the first attempt takes its OS process down
        (desk / "opened").touch()
        os.abort()
    return f"{title} stands on shelf 4"


async def main(desk: str) -> None:
    async with RehearsalServer(SCRIPT) as server, application.running():
        # A real model: its name instead of "clerk", no endpoint, and OPENAI_API_KEY (OPENAI_BASE_URL) is set.
        tools = [look_up.bind(desk=desk)]
        pid = await start_agent(id="clerk-1", model="clerk", tools=tools, **server.endpoint)
        async for event in agent.stream(pid, "Where is Hamlet?"):
            if isinstance(event, StreamToolResult):
                print(f"{event.result.content}, says attempt {event.result.attempts}")
        actors.exit(pid, actors.KILL)
        await actors.ended(pid)
        (successor,) = await which_agents()  # the answer comes after the restart
        print("The agent is found again:", agent_registry.find_agent("clerk-1") == successor != pid)
        print((await agent.chat(successor, "Where is Hamlet?")).content)


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        asyncio.run(main(folder))

"""A turn against the rehearsal server, with a built-in tool and a tool of its own, each in a worker OS process."""

import asyncio

from agents import agent, application, tool
from agents.rehearsal import RehearsalServer, parse
from supervisors import agent_supervisor

SCRIPT = parse("""
[[models.counter.turns]]
[[models.counter.turns.steps]]
tool_calls = [
    { name = "calculator", arguments = { expression = "6 * 7" } },
    { name = "twice", arguments = { text = "ab" } },
]
[[models.counter.turns.steps]]
text = "{tool:calculator} {tool:twice}"
""")


@tool
def twice(text: str) -> str:
    """Repeat a text."""
    return text * 2


async def main() -> None:
    async with RehearsalServer(SCRIPT) as server, application.running():
        config = {"model": "counter", "tools": ["calculator", twice], **server.endpoint}
        pid = await agent_supervisor.start_agent(config)
        print((await agent.chat(pid, "Count.")).answer)


if __name__ == "__main__":
    asyncio.run(main())

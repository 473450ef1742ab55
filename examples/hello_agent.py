"""Start an agent, read its answer as it streams, then ask again and wait for the whole answer."""

import asyncio

from agents import StreamComplete, StreamError, StreamToken, agent, application, start_agent
from agents.rehearsal import RehearsalServer, builtin


async def main() -> None:
    async with RehearsalServer(builtin()) as server, application.running():
        # A real model: its name instead of "echo", no endpoint here, and OPENAI_API_KEY (OPENAI_BASE_URL) is set.
        pid = await start_agent(name="Hello", model="echo", **server.endpoint)

        async for event in agent.stream(pid, "Hello, understudy."):
            match event:
                case StreamToken(token):
                    print(token, end="", flush=True)
                case StreamComplete(response):
                    print(f"\n({len(response.content)} characters)")
                case StreamError(reason):
                    print(f"\n{reason}")

        response = await agent.chat(pid, "And once more.")
        print(response.content)


asyncio.run(main())

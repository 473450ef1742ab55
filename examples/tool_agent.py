"""Tools are typed functions: `def` runs in a worker process that can be killed, `async def` on the event loop."""

import asyncio

from agents import StreamToken, StreamToolResult, agent, application, start_agent, tool
from agents.rehearsal import RehearsalServer, parse

SCRIPT = parse("""
[[models.traveller.turns]]
[[models.traveller.turns.steps]]
tool_calls = [
    { name = "distance_km", arguments = { origin = "Oslo", destination = "Bergen" } },
    { name = "forecast", arguments = { city = "Bergen", days = "two" } },
    { name = "forecast", arguments = { city = "Bergen", days = 2 } },
]
[[models.traveller.turns.steps]]
text = "It is {result:0} km, and the forecast says: {result:2}."
""")


@tool(timeout_s=10.0)
def distance_km(origin: str, destination: str) -> int:
    """Distance by road between two cities."""
    return {("Oslo", "Bergen"): 463}[origin, destination]


@tool
async def forecast(city: str, days: int = 1) -> str:
    """The weather in a city."""
    return f"{days} days of rain in {city}"


async def main() -> None:
    async with RehearsalServer(SCRIPT) as server, application.running():
        # A real model: its name instead of "traveller", no endpoint, and OPENAI_API_KEY (OPENAI_BASE_URL) is set.
        pid = await start_agent(model="traveller", tools=[distance_km, forecast], **server.endpoint)
        async for event in agent.stream(pid, "How far is Bergen, and will it rain?"):
            match event:
                case StreamToken(token):
                    print(token, end="", flush=True)
                case StreamToolResult(call, result):
                    print(f"{call.name}({call.arguments}) -> {result.content}")
        print()


if __name__ == "__main__":  # a worker process imports this file to find the tools
    asyncio.run(main())

"""Hooks keep secrets and personal data from a model: they mask its messages, and the results of its tools."""

import asyncio
import re
from typing import Any

from agents import agent, application, start_agent, tool
from agents.hooks import AfterTool, BeforeModel, Rewrite
from agents.rehearsal import RehearsalServer, parse

SCRIPT = parse("""
[[models.clerk.turns]]
steps = [{ tool_calls = [{ name = "customer", arguments = { number = 7 } }] }, { text = "I read: {user} {result:0}" }]
""")
SECRETS = re.compile(r"\b(?P<key>sk-\w{8,})|(?P<mail>[\w.+-]+@[\w.-]+\w)|\b(?P<card>\d(?:[ -]?\d){12,18})\b")


def masked(value: Any) -> Any:
    """Return the data with a mark, such as [mail], in place of each secret. A key of an object stays as it is."""
    if isinstance(value, str):
        return SECRETS.sub(lambda found: f"[{found.lastgroup}]", value)
    if isinstance(value, dict):
        return {key: masked(each) for key, each in value.items()}
    return [masked(each) for each in value] if isinstance(value, list) else value


def mask_messages(request: BeforeModel) -> Rewrite:
    return Rewrite(masked(request.messages))


def mask_result(call: AfterTool) -> Rewrite:
    return Rewrite(masked(call.result))


@tool
def customer(number: int) -> dict[str, str]:
    """Look up a customer."""
    return {"mail": "ada@example.org", "card": "4111 1111 1111 1111"}


async def main() -> None:
    async with RehearsalServer(SCRIPT) as server, application.running():
        hooks: Any = {"before_model": [mask_messages], "after_tool": [mask_result]}
        pid = await start_agent(model="clerk", tools=[customer], hooks=hooks, **server.endpoint)
        print((await agent.chat(pid, "My key is sk-0123456789.")).content)


if __name__ == "__main__":  # a worker process imports this file to find the hooks
    asyncio.run(main())

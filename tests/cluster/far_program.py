"""A node without a gateway, with agents of every kind that the tests ask.

    python -m tests.cluster.far_program SETTINGS agents|asking|none

SETTINGS is JSON. `asking` is one agent whose tool asks in the middle of its call. The program writes a line when its
agents run.
"""

import asyncio
import json
import sys
from typing import Any

from agents import application, start_agent
from agents.settings import Settings
from agents.tools.tool import tool
from tests.agents.tools.asking_midway import NAMES


@tool(requires_approval=True)
def buys(euros: int) -> str:
    """Pay after an approval."""
    return f"bought for {euros}"


AGENTS: list[dict[str, Any]] = [
    {"id": "echo", "model": "echo"},
    {"id": "buyer", "model": "buyer", "tools": [buys]},
    {"id": "payer", "model": "slow", "tools": ["tests.cluster.effects:pays"]},
    {"id": "slow", "model": "slow"},
    {"id": "steered", "model": "slow", "when_busy": "steer"},
    {"id": "anns", "model": "echo", "owner": "ann"},
    {"id": "idle", "model": "echo"},
]
ASKING: list[dict[str, Any]] = [{"id": "mover", "model": "mover", "tools": NAMES}]


async def main(given: dict[str, Any], agents: list[dict[str, Any]]) -> None:
    async with application.running(Settings.model_validate(given)):
        for each in agents:
            await start_agent(each)  # type: ignore[arg-type]  # a dict of options
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), {"agents": AGENTS, "asking": ASKING, "none": []}[sys.argv[2]]))

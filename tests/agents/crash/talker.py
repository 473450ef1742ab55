"""A program whose agent talks for ever on a kept session, until it is killed. It prints the number of each turn.

python -m tests.agents.crash.talker BASE_URL STORE < config.json
"""

import asyncio
import json
import sys

from pydantic import SecretStr

from agents import StreamStart, agent, application
from agents.settings import Durability, SessionSettings, Settings
from supervisors import agent_supervisor


async def talk(base_url: str, store: str) -> None:
    sessions = SessionSettings(url=f"sqlite:///{store}", durability=Durability.SYNC)
    async with application.running(Settings(base_url=base_url, api_key=SecretStr("any"), sessions=sessions)):
        pid = await agent_supervisor.start_agent(json.load(sys.stdin))
        number = 0
        while True:
            number += 1
            async for event in agent.stream(pid, f"turn {number} " + "word " * 150):
                if isinstance(event, StreamStart):
                    sys.stdout.write(f"{number}\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(talk(*sys.argv[1:]))

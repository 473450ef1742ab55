"""A node in an OS process of its own: an agent on a kept session, and a listener for other nodes.

    python -m tests.agents.cluster.owner_program BASE_URL DIRECTORY EPOCH

It writes a line when it is ready. Its socket is DIRECTORY/nodes/EPOCH.sock.
"""

import asyncio
import sys
from pathlib import Path

from pydantic import SecretStr

from actors import start
from agents import application
from agents.cluster.finding import agent_here
from agents.cluster.link.address import UnixAddress
from agents.cluster.link.server import listening
from agents.cluster.links import Links
from agents.settings import Durability, SessionSettings, Settings, ToolSettings
from agents.settings.agent import AgentSettings
from tests.agents.cluster.link.nodes import PLAIN, everybody_lives, identity


async def main(base_url: str, directory: Path, epoch: int) -> None:
    settings = Settings(
        base_url=base_url,
        api_key=SecretStr("rehearsal"),
        tools=ToolSettings(workers=1),
        sessions=SessionSettings(url=f"sqlite:///{directory / 'store.db'}", durability=Durability.BATCHED),
        agents=(AgentSettings(id="paced", model="paced"),),
    )
    me = identity("b", epoch)
    async with application.running(settings):
        links = await start(Links, me, PLAIN, agent_here)
        address = UnixAddress(directory / "nodes" / f"{epoch}.sock")
        async with listening(address, me, links, everybody_lives, PLAIN):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))

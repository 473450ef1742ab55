"""The owner is killed in mid-answer, and another OS process continues: the client of a third one notices a reset.

The nodes are OS processes on one store, one after the other, as after a takeover.
"""

from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from actors import AsyncioSystemBase, Pid, start
from agents import agent
from agents.cluster.finding import agent_here
from agents.cluster.link.address import PeerNode, UnixAddress
from agents.cluster.links import Links
from agents.cluster.remote import Remote
from agents.cluster.stand_in import StandIn
from agents.core.events import Event
from agents.rehearsal import RehearsalServer, parse
from tests.agents.cluster.followed import check_moved
from tests.agents.cluster.link.nodes import PLAIN, A, identity
from tests.agents.cluster.sqlite_nodes import ready_program

TEXT = " ".join(map(str, range(150)))
SCRIPT = f"""
[models.paced]
token_delay_s = 0.005
turns = [{{ steps = [{{ text = "{TEXT}" }}] }}]
"""


def owner(base_url: str, folder: Path, epoch: int) -> AbstractAsyncContextManager[Process]:
    return ready_program("tests.agents.cluster.owner_program", base_url, str(folder), str(epoch))


class Owners:
    """The owners of the session, as the store would have them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.now: PeerNode | None = None

    def own(self, epoch: int) -> None:
        address = UnixAddress(self._folder / "nodes" / f"{epoch}.sock")
        self.now = PeerNode(epoch, identity("b", epoch).incarnation, address)

    async def of(self, _session: str) -> PeerNode | None:
        return self.now


async def nothing_stored(_stream: str, _after: int, _limit: int) -> list[Event]:
    return []


async def stand_in(owners: Owners) -> Pid:
    links = await start(Links, A, PLAIN, agent_here)
    return await start(StandIn, "paced", Remote(links, owners.of, nothing_stored, 60.0, 4096))


async def test_a_stream_survives_the_end_of_its_owner_with_one_end_and_the_whole_text(tmp_path: Path) -> None:
    owners, events = Owners(tmp_path), list[Event]()
    async with RehearsalServer(parse(SCRIPT, "script")) as server, AsyncioSystemBase():
        pid = await stand_in(owners)
        async with owner(server.base_url, tmp_path, 2) as first:
            owners.own(2)
            stream = agent.stream(pid, "count")
            async for event in stream:
                events.append(event)
                if len(events) == 30:
                    break
            first.kill()
            await first.wait()
        async with owner(server.base_url, tmp_path, 3):
            owners.own(3)
            events += [event async for event in stream]
            assert [message.content for message in await agent.conversation(pid)][-2:] == ["count", TEXT]
    check_moved(events, TEXT)

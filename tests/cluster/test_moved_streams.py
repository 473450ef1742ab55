"""Streams of a node that is killed, followed from another one by seq: one end, and the whole text."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest

from actors import Mailbox
from agents import agent, find_agent
from agents.agent_registry import stands_in
from agents.core.events import TERMINAL, Event
from agents.gateway.reader import Reader, ReaderMoved
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.sessions import open_journal
from tests.agents.cluster.followed import check_moved, followed
from tests.cluster.far_agents import far_node, own_node
from tests.cluster.nodes import Cluster

pytestmark = pytest.mark.cluster
SETTINGS = {"daemon.drain_time": 1000}

WORDS: Final = " ".join(map(str, range(200)))
SCRIPT: Final = f"""
[models.worker]
token_delay_s = 0.05
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]

[models.echo]
token_delay_s = 0.02
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]
"""
SHORT_MS: Final = 6000
AGENTS: Final = ("anns", "echo", "idle")


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "moved streams")) as server:
        yield server


@pytest.mark.parametrize(("nodes", "how"), [(2, signal.SIGKILL), (3, signal.SIGKILL), (2, signal.SIGSTOP)])
async def test_the_streams_of_a_lost_node_go_on_for_followers_on_another_one(
    cluster: Cluster, nodes: int, how: signal.Signals
) -> None:
    """A link to a stopped node looks alive until its next ping, so the judge's word ends it."""
    others = ["third"] * (nodes - 2)
    async with (
        far_node(cluster, lease_time=SHORT_MS) as far,
        own_node(cluster, SHORT_MS),
        _running(cluster, others),
        asyncio.TaskGroup() as group,
    ):
        boxes = [Mailbox() for _ in AGENTS]
        for id_, box in zip(AGENTS, boxes, strict=True):
            agent.stream_chat(id_, "count", box.pid)
        early = [[await box.receive(30) for _ in range(20)] for box in boxes]
        stand_ins = [await wake(id_) for id_ in AGENTS]
        assert all(map(stands_in, stand_ins))
        far.send_signal(how)
        late = [group.create_task(followed(box)) for box in boxes]
        await asyncio.wait(late)
        for events, rest in zip(early, late, strict=True):
            check_moved([*events, *rest.result()], WORDS)
        for id_, stand_in in zip(AGENTS, stand_ins, strict=True):
            assert [message.content for message in await agent.conversation(id_)][-2:] == ["count", WORDS]
            assert stand_in is not None
            assert (await agent.info(stand_in)).id == id_  # a Pid of the stand-in stays valid
            await _has_one_owner(id_, nodes)


async def _has_one_owner(id_: str, nodes: int) -> None:
    journal = await open_journal()
    assert journal is not None
    assert journal.store.node is not None
    owner = await journal.store.node.owner_of(id_)
    assert owner is not None
    here = find_agent(id_)
    assert here is not None
    assert stands_in(here) == (owner.name != "own")
    assert nodes == 3 or owner.name == "own"


@asynccontextmanager
async def _running(cluster: Cluster, names: list[str]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for name in names:
            await stack.enter_async_context(far_node(cluster, name, "none", SHORT_MS))
        yield


async def test_a_stream_goes_on_when_its_node_hands_it_over(cluster: Cluster) -> None:
    async with own_node(cluster, SHORT_MS):
        (draining,) = await cluster.start("draining")
        async with cluster.client(draining) as client:
            await client.post("/agents", {"id": "plain", "model": "worker"})
        assert stands_in(await wake("plain"))
        box, subscriber = Mailbox(), Mailbox()
        agent.subscribe("plain", subscriber.pid)
        agent.stream_chat("plain", "count", box.pid)
        early = [await box.receive(30) for _ in range(20)]
        draining.signal(signal.SIGTERM)
        events = [*early, *await followed(box)]
        check_moved(events, WORDS)
        seqs = [event.seq for event in await followed(subscriber)]
        assert seqs == sorted(set(seqs))
        assert seqs[-1] == events[-1].seq
        assert await draining.ended() == 0
        assert not stands_in(find_agent("plain"))


async def test_a_reader_is_cut_without_an_end_if_the_node_of_its_stream_does_not_answer(cluster: Cluster) -> None:
    async with far_node(cluster) as far, own_node(cluster, failover_wait=200):
        pid = await wake("echo")
        assert pid is not None
        reader = Reader("cut")
        reader.ask(pid, "count")
        events = list[Event]()
        with pytest.raises(ReaderMoved):
            await _read(reader, events, far)
        reader.close()
        assert not isinstance(events[-1], TERMINAL)


async def _read(reader: Reader, events: list[Event], far: Process) -> None:
    """Read events, and kill the far node after the first ones."""
    async for batch in reader.batches(0.5):
        events += batch
        if events and far.returncode is None:
            far.kill()
            await far.wait()

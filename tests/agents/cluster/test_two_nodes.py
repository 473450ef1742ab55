"""Two nodes on one SQLite file: an agent of the other node answers, and comes here when that node is killed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from actors import Mailbox
from agents import Image, ImagePart, Text, agent, application, find_agent, start_agent
from agents.agent_registry import stands_in
from agents.cluster import nodes
from agents.cluster.judge import own_node
from agents.cluster.operations import StillAlive, forget, owners, status
from agents.core.errors import Interrupted
from agents.core.events import (
    StreamComplete,
    StreamError,
    StreamToken,
)
from agents.daemon.handover import hand_over
from agents.instance.elsewhere import UnknownNode
from agents.instance.waking import wake
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.sessions import open_journal
from agents.settings import Settings
from supervisors import AlreadyStarted
from tests.agents.cluster.followed import check_moved, followed
from tests.agents.cluster.sqlite_nodes import living_node, settings_of_two
from tests.waiting import eventually

WORDS: Final = " ".join(map(str, range(100)))
DOT: Final = b"\x89PNG\r\n\x1a\n"
SCRIPT: Final = f"""
[models.slow]
token_delay_s = 0.02
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]

[models.buyer]
token_delay_s = 0.1
turns = [{{ steps = [{{ text = "{WORDS}" }}] }}]
"""


Given: TypeAlias = tuple[dict[str, Any], Settings]


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    """Yield the settings of the far node and of this one, with a provider."""
    async with RehearsalServer(builtin() | parse(SCRIPT, "two nodes")) as server:
        far, own = settings_of_two(tmp_path, base_url=server.base_url)
        yield far, Settings.model_validate(own)


async def test_an_agent_of_a_killed_node_goes_on_here_for_those_who_follow_it(given: Given) -> None:
    far_settings, own = given
    async with living_node(far_settings, "agents") as far, application.running(own):
        assert (await agent.chat("echo", "hello")).content == "hello"
        assert [node.name for node in await nodes()] == ["far", "own"]
        await _check_parts()
        await _check_cancel()
        await _check_start("idle")
        box = Mailbox()
        agent.stream_chat("slow", "count", box.pid)
        cut = await _begun("buyer", "payer")
        early = [await box.receive(30) for _ in range(20)]
        stand_in = await wake("slow")
        assert stands_in(stand_in)
        far.kill()
        events = [*early, *await followed(box)]
        check_moved(events, WORDS)
        here = find_agent("slow")
        assert here is not None
        assert here != stand_in
        assert stand_in is not None
        assert await agent.conversation(stand_in) == await agent.conversation(here)
        assert [node.name for node in await nodes()] == ["own"]
        for stream_id, agent_id in cut.items():
            await _check_interrupted(stream_id, agent_id)


async def test_a_node_that_drains_hands_its_turns_over_and_wakes_nothing(given: Given) -> None:
    far_settings, own = given
    async with living_node(far_settings), application.running(own):
        for id_ in ("mine", "idle-here"):
            await start_agent(id=id_, model="slow")
        box = Mailbox()
        agent.stream_chat("mine", "count", box.pid, stream_id="s")
        early = [await box.receive(30) for _ in range(20)]
        node = await own_node()
        await node.drain(True)
        assert [(each.name, each.state) for each in await status()] == [("far", "up"), ("own", "draining")]
        assert await hand_over() == 2
        assert stands_in(await wake("mine"))
        box = Mailbox()
        assert await agent.follow("mine", "s", box.pid, after=early[-1].seq)
        check_moved([*early, *await followed(box)], WORDS)
        assert stands_in(await wake("idle-here"))
        assert await owners(["mine", "idle-here"]) == {"mine": "far", "idle-here": "far"}
        with pytest.raises(StillAlive, match=r"^node far lives: stop it, and it leaves$"):
            await forget("far")
        with pytest.raises(UnknownNode, match=r"^expected the name of a living node, which are far, got 'other'$"):
            await forget("other")


async def _begun(*agent_ids: str) -> dict[str, str]:
    """Begin a turn of each of these agents. Return their ids by the ids of the streams."""
    box, begun = Mailbox(), {}
    for id_ in agent_ids:
        stream_id = agent.stream_chat(id_, "count", box.pid)
        while not isinstance(await box.receive(30), StreamToken):
            pass
        begun[stream_id] = id_
    return begun


async def _check_interrupted(stream_id: str, agent_id: str) -> None:
    """Check the turn of an agent whose configuration this node lacks, or that no other node can have."""
    journal = await open_journal()
    assert journal is not None

    async def taken_over() -> bool:
        return not await owners([agent_id]) and not await journal.store.open_streams(agent_id)

    await eventually(taken_over, what=f"the takeover of {agent_id}")
    *_, end = await journal.store.events(stream_id)
    assert isinstance(end, StreamError)
    assert end.reason == Interrupted()
    assert (await journal.store.conversation(agent_id))[-2].content == "count"


async def _check_parts() -> None:
    """Send the agent of the other node an image, and read it back."""
    assert (await agent.chat("echo", [Text("Look:"), Image(DOT)])).content.startswith("Look:")
    content = next(each.content for each in await agent.conversation("echo") if not isinstance(each.content, str))
    (picture,) = (part for part in content if isinstance(part, ImagePart))
    assert await agent.part("echo", picture.sha256) == DOT
    assert await agent.part("echo", "0" * 64) is None


async def _check_start(agent_id: str) -> None:
    """Check messages that come while an agent starts here that the other node has."""
    starting = asyncio.create_task(start_agent(id=agent_id, model="echo"))
    pid = await eventually(lambda: find_agent(agent_id), what="an agent that starts", pause_s=0.0)
    assert not stands_in(pid)
    box = Mailbox()
    agent.stream_chat(agent_id, "one", box.pid)
    answer = await agent.chat(agent_id, "two")
    assert (answer.content, type((await followed(box))[-1])) == ("two", StreamComplete)
    with pytest.raises(AlreadyStarted):
        await starting
    assert stands_in(find_agent(agent_id))


async def _check_cancel() -> None:
    """Cancel a turn of the other node that nobody follows any more, and no other one."""
    box = Mailbox()
    stream_id = agent.stream_chat("slow", "count", box.pid)
    await box.receive(30)
    assert not await agent.cancel("slow", stream_id, unfollowed=True)
    box.close()
    assert await agent.cancel("slow", stream_id, unfollowed=True)

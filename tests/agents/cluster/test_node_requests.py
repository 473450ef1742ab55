"""Requests to whole nodes: their bytes, and the answers of a node without others. A node's link to itself."""

from typing import Any, get_args

import pytest

from actors import AsyncioSystemBase, Mailbox, call, ended, start
from agents.cluster.errors import Garbage
from agents.cluster.everywhere import asked_everywhere, running_among, running_everywhere
from agents.cluster.finding import agent_here
from agents.cluster.link.address import PeerNode
from agents.cluster.link.link import Link
from agents.cluster.link.wire import CallAnswered, NotHere
from agents.cluster.links import CountLinks, Links, LinkTo
from agents.cluster.node_requests import (
    THIS_NODE,
    AnyNodeRequest,
    AskAccess,
    DescribeNode,
    FindStream,
    GetUsage,
    ListRunning,
    ListWaiting,
    MakeReport,
    NodeFigures,
    NodeRequest,
    Report,
    RunningAmong,
    UserUsage,
    WakeSession,
    answer_of_node,
    packed_node_request,
    unpacked_node_answer,
)
from agents.cluster.requests import packed_request
from agents.instance.requests import GetInfo
from tests.agents.cluster.link.nodes import PLAIN, WAIT_S, A

REQUESTS: list[tuple[NodeRequest[Any], Any]] = [
    (ListRunning("a", 3, "ann"), []),
    (RunningAmong(["a", "b"]), []),
    (GetUsage("ann"), UserUsage([], 0)),
    (ListWaiting(5, None), []),
    (FindStream("s"), None),
    (WakeSession("a"), False),
    (AskAccess(b"any"), None),
    (DescribeNode(), NodeFigures(agents=0, links=0)),
    (MakeReport("tree", {"by": "memory", "count": 3}), Report(fault="the node makes no reports now")),
]


def test_every_request_to_a_node_has_its_answer_here() -> None:
    assert {type(request) for request, _ in REQUESTS} == set(get_args(AnyNodeRequest))


@pytest.mark.parametrize(("request_", "answer"), REQUESTS, ids=lambda each: type(each).__name__)
async def test_a_node_without_agents_answers_every_request(request_: NodeRequest[Any], answer: Any) -> None:
    async with AsyncioSystemBase():
        received = await answer_of_node(packed_node_request(request_))
        assert unpacked_node_answer(request_, received) == answer
        assert await asked_everywhere(request_) == [answer]
        assert await running_everywhere(None, 10, None) == []
        assert await running_among(["a"]) == set()


@pytest.mark.parametrize("received", [b"", b"{}", b'{"type": "teleport"}', b"\xff"])
async def test_an_unknown_request_is_refused_in_one_line(received: bytes) -> None:
    with pytest.raises(Garbage) as refused:
        await answer_of_node(received)
    assert "\n" not in str(refused.value)


async def test_the_link_of_a_node_to_itself_answers_and_ends_when_it_is_idle() -> None:
    async with AsyncioSystemBase():
        links, box = await start(Links, A, PLAIN, agent_here, 0.05), Mailbox()
        link = await call(links, LinkTo(PeerNode(A.epoch, A.incarnation, None, A.name)))
        assert isinstance(link, Link)
        assert await call(links, LinkTo(PeerNode(A.epoch, A.incarnation, None, A.name))) is link
        assert await call(links, CountLinks()) == 0  # it leads to no other node
        request = GetUsage("ann")
        id_ = link.call(THIS_NODE, packed_node_request(request), box.pid)
        answered = await box.receive(WAIT_S)
        assert isinstance(answered, CallAnswered)
        assert answered.id == id_
        assert unpacked_node_answer(request, answered.value) == UserUsage([], 0)
        id_ = link.call("nobody", packed_request(GetInfo()), box.pid)
        assert await box.receive(WAIT_S) == NotHere(id_)
        await ended(link.pid)
        assert link.ended
        assert await call(links, LinkTo(PeerNode(A.epoch, A.incarnation, None, A.name))) is not link

"""The routes for people who watch: an overview, the calls that wait, timelines, and the suspension of agents."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from msgspec import Struct

from actors import KILL, ended
from actors import exit as send_exit
from agents import agent
from agents.agent_registry import find_agent
from agents.contract.watch import Overview
from agents.settings import AgentRestartLimits, SupervisionSettings
from agents.timeline import Timeline
from agents.tools.tool import tool
from supervisors import agent_supervisor
from supervisors.agent_supervisor import which_agents
from supervisors.tree import Node
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import ANN, APPROVE, BOB, READ, ROOT, House, house, token
from tests.waiting import eventually

LIMITS = SupervisionSettings(agent_supervisor=AgentRestartLimits(intensity=1, period=3600))
DASHBOARD = token("dashboard", "ann", READ)


@tool(requires_approval=True, approval_timeout_s=600.0)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


class Users(Struct):
    house: House
    ann: Site
    bob: Site
    dashboard: Site
    root: Site


@pytest.fixture(params=["live", "kept"])
async def users(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Users]:
    store = tmp_path / "sessions.db" if request.param == "kept" else None
    tokens = [ANN, BOB, DASHBOARD, ROOT]
    async with AsyncExitStack() as stack:
        of = await stack.enter_async_context(house(tokens, store, supervision=LIMITS))
        yield Users(of, *[await stack.enter_async_context(of.client(each)) for each in tokens])


async def overview(client: Site, query: str = "") -> Overview:
    status, found = await client.json("GET", f"/overview?{query}")
    assert status == 200
    return msgspec.convert(found, Overview)


async def timeline(client: Site, stream_id: str) -> Timeline:
    status, found = await client.json("GET", f"/streams/{stream_id}/timeline")
    assert status == 200
    return msgspec.convert(found["timeline"], Timeline)


def names(node: Node) -> set[str]:
    own = {node.process.name} if node.process is not None and node.process.name is not None else set[str]()
    return own.union(*map(names, node.children))


async def waits_for_approval(users: Users) -> str:
    """Start a turn of ann's whose call waits for a decision; return the call's id."""
    await agent_supervisor.start_agent({"id": "buyer", "model": "buyer", "tools": [pays], "owner": "ann"})
    pid = find_agent("buyer")
    assert pid is not None
    agent.stream_chat(pid, "buy", pid, stream_id="s1")

    async def waiting() -> list[Any]:
        found: list[Any] = (await users.ann.json("GET", "/approvals"))[1]["approvals"]
        return found

    return str((await eventually(waiting, what="a call that waits"))[0]["tool_call"]["id"])


async def test_an_overview_shows_the_tree_the_turns_the_providers_and_the_workers(users: Users) -> None:
    await waits_for_approval(users)
    found = await overview(users.root)
    assert {"system", "understudy", "agent:buyer", "turn:buyer"} - {"system"} <= names(found.tree)
    assert [(turn.stream_id, turn.agent_id, turn.state, turn.waiting) for turn in found.turns] == [
        ("s1", "buyer", "executing", 1)
    ]
    assert [(each.address, each.breaker) for each in found.providers] == [
        (users.house.site.settings.base_url, "closed")
    ]
    assert found.workers is not None
    assert (found.workers.size, found.workers.running, found.workers.waiting) == (1, (), 0)
    assert len(found.busiest) == 10


async def test_a_user_sees_the_hosts_processes_and_none_of_another_users(users: Users) -> None:
    await waits_for_approval(users)
    await users.bob.json("POST", "/agents", {"id": "bobs", "model": "echo"})
    for client, own, others in (
        (users.dashboard, "agent:buyer", "agent:bobs"),
        (users.bob, "agent:bobs", "agent:buyer"),
    ):
        found = await overview(client, "count=100&by=memory")
        seen = names(found.tree) | {info.name or "" for info in found.busiest}
        assert own in seen
        assert "agent_supervisor" in seen
        assert others not in seen
        assert "buyer" not in str(found) or client is users.dashboard
    assert (await overview(users.bob)).turns == []
    assert (await users.bob.json("GET", "/approvals"))[1] == {"approvals": []}


async def test_a_crash_is_shown_with_its_reason_and_its_place_is_hidden_from_users(users: Users) -> None:
    await users.ann.json("POST", "/agents", {"id": "a1", "model": "echo"})
    pid = find_agent("a1")
    assert pid is not None
    send_exit(pid, KILL)
    await ended(pid)
    await which_agents()  # the answer comes after the restart: the owner sees crashes of an agent that runs
    (crash,) = (await overview(users.dashboard)).crashes
    assert crash.where is None
    assert (crash.supervisor, crash.child, crash.pid, crash.reason) == ("agent_supervisor", "agent", str(pid), "killed")
    assert [each.name for each in (await overview(users.root)).crashes] == ["a1"]
    assert (await overview(users.bob)).crashes == []


async def hold(users: Users) -> None:
    """Start ann's agent a1, and let it crash too often."""
    await users.ann.json("POST", "/agents", {"id": "a1", "model": "echo"})
    for _ in range(2):
        pid = find_agent("a1")
        assert pid is not None
        send_exit(pid, KILL)
        await ended(pid)
        await which_agents()  # the answer comes after the restart


async def test_an_agent_that_crashes_too_often_is_shown_held_and_reset_by_its_owner(users: Users) -> None:
    await hold(users)

    async def crashed(of: Site) -> list[Any]:
        return list((await of.json("GET", "/restarts"))[1]["agents"])

    [held] = await crashed(users.root)
    crash = held.pop("crash")
    assert held == {"id": "a1", "owner": "ann", "state": "held", "crashes": 2, "next_s": None}
    assert (crash["reason"], crash["exception"], crash["where"]) == ("killed", None, None)
    assert [each.id for each in (await overview(users.dashboard)).crashed_agents] == ["a1"]
    assert await crashed(users.bob) == []
    status, answer = await users.ann.json("POST", "/agents/a1/chat", {"message": "hello"})
    assert (status, answer["error"]["type"]) == (503, "not_restarted")
    assert answer["error"]["message"] == (
        "agent 'a1' crashed 2 times, the last time by killed, and is held: mend the cause, then reset it"
    )
    assert (await users.bob.json("POST", "/agents/a1/chat", {"message": "hello"}))[0] == 404
    assert (await users.bob.json("POST", "/agents/a1/reset"))[0] == 404
    assert (await users.dashboard.json("POST", "/agents/a1/reset"))[0] == 403
    assert await users.ann.json("POST", "/agents/a1/reset") == (200, {"reset": True})
    assert (await users.ann.json("POST", "/agents/a1/chat", {"message": "hello"}))[0] == 200
    assert await crashed(users.root) == []
    assert await users.ann.json("POST", "/agents/a1/reset") == (200, {"reset": True})
    assert (await users.ann.json("POST", "/agents/nobody/reset"))[0] == 404


async def test_a_held_agent_is_stopped_by_its_owner(users: Users) -> None:
    await hold(users)
    assert (await users.bob.json("DELETE", "/agents/a1"))[0] == 404
    assert await users.ann.json("DELETE", "/agents/a1") == (200, {"stopped": True})
    assert (await users.root.json("GET", "/restarts"))[1]["agents"] == []


async def test_the_tree_is_bounded_and_counts_what_it_leaves_out(users: Users) -> None:
    for number in range(12):
        await users.ann.json("POST", "/agents", {"id": f"a{number}", "model": "echo"})

    def agents(node: Node) -> Node | None:
        if node.process is not None and node.process.name == "agent_supervisor":
            return node
        return next(filter(None, map(agents, node.children)), None)

    for client, width, shown in ((users.root, 10, 10), (users.root, 50, 12), (users.bob, 50, 0)):
        supervisor = agents((await overview(client, f"children={width}")).tree)
        assert supervisor is not None
        assert (len(supervisor.children), supervisor.hidden) == (shown, 12 - shown)


async def test_a_timeline_is_the_same_while_the_turn_runs_and_afterwards(users: Users) -> None:
    call_id = await waits_for_approval(users)

    def waits(found: Timeline) -> bool:
        return bool(found.lanes[2:]) and found.lanes[2].spans[-1].kind == "approval"

    running = await eventually(lambda: timeline(users.ann, "s1"), waits, what="the timeline of an open approval")
    assert (running.outcome, running.agent_id, running.lanes[2].call_id) == (None, "buyer", call_id)
    assert running.lanes[2].spans[-1].open
    await users.ann.json("POST", "/streams/s1/approve", {"call_id": call_id})
    whole = await eventually(
        lambda: timeline(users.ann, "s1"), lambda found: found.outcome is not None, what="the timeline of an ended turn"
    )
    assert whole.outcome == "complete"
    assert [span.kind for span in whole.lanes[2].spans] == ["arguments", "queued", "approval", "run"]
    assert [mark.kind for mark in whole.lanes[2].marks] == ["decided", "result"]
    counted = sum(each.events for lane in whole.lanes for each in lane.spans)
    assert counted + sum(mark.events for lane in whole.lanes for mark in lane.marks) == whole.events == whole.seq
    pid = find_agent("buyer")
    assert pid is not None
    await agent_supervisor.stop_agent(pid)
    status, _ = await users.ann.json("GET", "/streams/s1/timeline")
    kept = users.house.site.settings.sessions.url is not None
    assert status == (200 if kept else 404)
    if kept:
        assert await timeline(users.ann, "s1") == whole


async def test_a_timeline_is_also_an_svg_that_can_run_nothing(users: Users) -> None:
    await users.ann.json("POST", "/agents", {"id": "a1", "model": "echo"})
    await users.ann.stream("a1", "hello", stream_id="s2")
    async with users.ann.http.get(f"{users.ann.url}/streams/s2/timeline.svg?width=500") as answer:
        assert answer.content_type == "image/svg+xml"
        policy = answer.headers["content-security-policy"]
        root = ElementTree.fromstring(await answer.text())
    assert root.attrib["width"] == "500"
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert (await users.ann.json("GET", "/streams/s2/timeline?width=5"))[0] == 422


async def test_another_users_timeline_is_missing(users: Users) -> None:
    await waits_for_approval(users)
    for path in ("timeline", "timeline.svg"):
        assert (await users.bob.json("GET", f"/streams/s1/{path}"))[0] == 404
        assert (await users.bob.json("GET", f"/streams/zz/{path}"))[0] == 404


async def test_only_an_admin_can_suspend_and_resume_an_agent(users: Users) -> None:
    await users.ann.json("POST", "/agents", {"id": "a1", "model": "echo"})
    for client in (users.ann, users.dashboard):
        for what in ("suspend", "resume"):
            assert (await client.json("POST", f"/agents/a1/{what}"))[0] == 403
    for what in ("suspend", "resume"):
        assert (await users.root.json("POST", f"/agents/nobody/{what}"))[0] == 404
    assert await users.root.json("POST", "/agents/a1/suspend") == (200, {"suspended": True})
    asked = asyncio.create_task(users.ann.stream("a1", "hello", stream_id="s3"))

    async def held() -> bool:
        pid = find_agent("a1")
        assert pid is not None
        assert pid.process is not None
        return len(pid.process.mailbox) == 1

    await eventually(held, what="the request in the mailbox")
    assert not asked.done()
    assert "suspended" in str((await overview(users.root)).tree)
    assert await users.root.json("POST", "/agents/a1/resume") == (200, {"suspended": False})
    assert (await asked)[-1].name == "complete"


async def test_each_route_of_the_watch_page_needs_a_scope(users: Users) -> None:
    approver = token("approver", "ann", APPROVE)
    users.house.tokens(ANN, BOB, DASHBOARD, ROOT, approver)
    async with users.house.client(approver) as client:
        for path in ("/overview", "/approvals", "/streams/s/timeline", "/streams/s/timeline.svg"):
            status, answer = await client.json("GET", path)
            assert (status, answer["error"]["message"]) == (
                403,
                "expected a token with the scope read, got one without it",
            )

"""The host's ceilings for clients' agents, and the quotas of a user."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from pydantic import BaseModel

from actors import Mailbox, register
from agents.agent_registry import agents_of, find_agent
from agents.gateway.ceilings import FREE, HOST_ONLY, ceilings, within
from agents.gateway.routes.agents import StartAgent
from agents.instance.waking import turn_name
from agents.settings import ClientLimits, Settings
from agents.settings.agent import AgentSettings, LimitsConfig
from supervisors import agent_supervisor
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import ANN, BOB, ROOT, House, house, waits_at

TIGHT = ClientLimits(
    max_agents=3,
    max_sessions=4,
    max_waiting_bytes=20_000,
    models=("echo", "slow"),
    limits=LimitsConfig(model_calls=5, tokens=1000, cost=None, time=60_000),
)


class Users(Struct):
    house: House
    ann: Site
    bob: Site
    root: Site


@pytest.fixture(params=["memory", "store"])
async def users(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Users]:
    async with AsyncExitStack() as stack:
        store = tmp_path / "sessions.db" if request.param == "store" else None
        home = await stack.enter_async_context(house((ANN, BOB, ROOT), store))
        home.app.take(tight(home))
        yield Users(home, *[await stack.enter_async_context(home.client(of)) for of in (ANN, BOB, ROOT)])


def tight(home: House) -> Settings:
    """Return the settings with the quotas and ceilings of TIGHT."""
    gateway_settings = home.site.settings.gateway.model_copy(update={"clients": TIGHT})
    return home.site.settings.model_copy(update={"gateway": gateway_settings})


async def start(site: Site, id_: str, **config: Any) -> tuple[int, Any]:
    return await site.json("POST", "/agents", {"id": id_, "model": "echo", **config})


def paths(model: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from paths(inner, (*above, name))
        else:
            yield (*above, name)


def test_each_key_of_an_agent_is_free_or_has_a_ceiling_or_is_the_hosts() -> None:
    tables = [set(ceilings(ClientLimits(), 1)), set(FREE), set(HOST_ONLY)]
    assert set().union(*tables) == set(paths(AgentSettings))
    assert sum(map(len, tables)) == len(set().union(*tables))
    assert set(StartAgent.model_fields) == {path[0] for path in (*tables[0], *tables[1])}


ABOVE: list[tuple[dict[str, Any], str]] = [
    ({"max_queue": 10**9}, "max_queue: expected at most 100, which is the host's ceiling, got 1000000000"),
    ({"max_steering": 101}, "max_steering: expected at most 100"),
    ({"answer_retries": 10**9}, "answer_retries: expected at most 10"),
    ({"limits": {"model_calls": 6}}, "limits.model_calls: expected at most 5"),
    ({"limits": {"tokens": 1001}}, "limits.tokens: expected at most 1000"),
    ({"limits": {"time": 60_001}}, "limits.time: expected at most 60000"),
    ({"streaming_config": {"max_retries": 11}}, "streaming_config.max_retries: expected at most 10"),
    ({"streaming_config": {"chunk_timeout": 30_001}}, "streaming_config.chunk_timeout: expected at most 30000"),
    ({"model": "bard"}, "model: expected one of echo, slow, got 'bard'"),
    ({"context": {"model": "bard"}}, "context.model: expected one of echo, slow, got 'bard'"),
    *(
        ({"model_options": {key: 1}}, "model_options: expected keys of temperature, ")
        for key in (
            "model",
            "messages",
            "input",
            "stream",
            "tools",
            "n",
            "service_tier",
            "store",
            "base_url",
            "extra_body",
        )
    ),
]


@pytest.mark.parametrize(("asked", "fault"), ABOVE)
@pytest.mark.parametrize("users", ["memory"], indirect=True)
async def test_a_value_above_a_ceiling_is_refused_to_a_client(users: Users, asked: dict[str, Any], fault: str) -> None:
    status, answer = await start(users.ann, "a", **asked)
    assert (status, answer["error"]["type"]) == (422, "invalid")
    assert answer["error"]["message"].startswith(fault)
    assert "\n" not in answer["error"]["message"]
    assert find_agent("a") is None


def test_the_floor_of_a_deadline_is_at_most_the_hosts_own_deadline() -> None:
    asked = {"streaming_config": {"chunk_timeout": 500}}
    assert within(asked, ClientLimits(), silence_ms=500)[1] == []
    (fault,) = within(asked, ClientLimits(), silence_ms=30_000)[1]
    assert str(fault) == "streaming_config.chunk_timeout: expected at least 1000, which is the host's floor, got 500"


@pytest.mark.parametrize("users", ["memory"], indirect=True)
async def test_admin_can_exceed_every_ceiling(users: Users) -> None:
    for number, (asked, _) in enumerate(ABOVE):
        assert (await start(users.root, f"a{number}", **asked))[0] == 201


@pytest.mark.parametrize("users", ["memory"], indirect=True)
async def test_a_client_can_lower_a_limit_and_an_unset_key_gets_the_ceiling(users: Users) -> None:
    asked = {"limits": {"model_calls": 1, "tool_calls": 7}, "max_queue": 0, "model_options": {"temperature": 0.1}}
    assert (await start(users.ann, "a", **asked))[0] == 201
    pid = find_agent("a")
    assert pid is not None
    assert pid.process is not None
    limits = pid.process.state.config.policy.limits  # type: ignore[attr-defined]  # a server's
    assert (limits.model_calls, limits.tool_calls, limits.tokens, limits.time_s) == (1, 7, 1000, 60.0)


async def test_a_user_has_at_most_max_agents_also_with_simultaneous_requests(users: Users) -> None:
    answers = await asyncio.gather(*(start(users.ann, f"a{number}") for number in range(8)))
    assert sorted(status for status, _ in answers) == [201] * 3 + [429] * 5
    assert (await start(users.bob, "b"))[0] == 201
    assert (await start(users.root, "r"))[0] == 201
    running = next(number for number, (status, _) in enumerate(answers) if status == 201)
    assert (await users.ann.json("DELETE", f"/agents/a{running}"))[0] == 200
    assert (await start(users.ann, "another"))[0] == 201


@pytest.mark.parametrize("users", ["store"], indirect=True)
async def test_a_user_keeps_at_most_max_sessions(users: Users) -> None:
    for number in range(4):
        assert (await start(users.ann, f"a{number}"))[0] == 201
        await users.ann.json("DELETE", f"/agents/a{number}")
    status, answer = await start(users.ann, "fifth")
    assert (status, answer["error"]["type"]) == (429, "too_many_requests")
    assert (await users.ann.json("POST", "/sessions/a0/fork", {}))[0] == 429
    assert (await start(users.ann, "a0"))[0] == 201  # an existing session
    assert (await users.ann.json("DELETE", "/sessions/a1"))[0] == 200
    assert (await users.ann.json("POST", "/sessions/a0/fork", {}))[0] == 201


@pytest.mark.parametrize("users", ["store"], indirect=True)
async def test_a_session_that_wakes_is_an_agent_that_runs(users: Users) -> None:
    for number in range(4):
        await start(users.ann, f"a{number}")
        if number == 0:
            await users.ann.json("DELETE", "/agents/a0")
    assert (await users.ann.json("POST", "/agents/a0/chat", {"message": "x"}))[0] == 429
    await users.ann.json("DELETE", "/agents/a1")
    assert (await users.ann.json("POST", "/agents/a0/chat", {"message": "x"}))[0] == 200


@pytest.mark.parametrize("users", ["store"], indirect=True)
async def test_sessions_that_wake_at_the_same_time_are_at_most_max_agents(users: Users) -> None:
    await sleeping(users, 4)
    answers = await asyncio.gather(
        *(users.ann.json("POST", f"/agents/a{number}/chat", {"message": "x"}) for number in range(4))
    )
    assert sorted(status for status, _ in answers) == [200] * 3 + [429]
    assert len(agents_of("ann")) == 3


@pytest.mark.parametrize("users", ["store"], indirect=True)
async def test_a_reload_gives_a_user_no_further_place(users: Users) -> None:
    await sleeping(users, 4)
    for number in range(2):
        await users.ann.json("GET", f"/agents/a{number}")
    last_turn = Mailbox()  # an agent that starts waits for this, and its supervisor, too
    register(turn_name("held"), last_turn.pid)
    held = asyncio.create_task(agent_supervisor.start_agent({"id": "held", "model": "echo"}))
    wakes = [asyncio.create_task(users.ann.json("GET", "/agents/a2"))]
    await waits_at(agent_supervisor.AGENT_SUPERVISOR)
    users.house.app.take(tight(users.house))
    wakes.append(asyncio.create_task(users.ann.json("GET", "/agents/a3")))
    assert (await users.bob.json("GET", "/agents"))[0] == 200
    last_turn.close()
    await held
    assert [status for status, _ in await asyncio.gather(*wakes)] == [200, 429]


@pytest.mark.parametrize("users", ["store"], indirect=True)
async def test_a_user_with_max_agents_learns_nothing_about_other_users_agents(users: Users) -> None:
    for number in range(3):
        await start(users.ann, f"a{number}")
    await start(users.bob, "runs")
    await start(users.bob, "sleeps")
    await users.bob.json("DELETE", "/agents/sleeps")
    answers = [await users.ann.json("GET", f"/agents/{id_}") for id_ in ("runs", "sleeps", "absent")]
    assert [status for status, _ in answers] == [404] * 3


async def sleeping(users: Users, count: int) -> None:
    """Start ann's agents a0, a1 and so on, and stop each. Their sessions stay."""
    for number in range(count):
        assert (await start(users.ann, f"a{number}"))[0] == 201
        assert (await users.ann.json("DELETE", f"/agents/a{number}"))[0] == 200


async def stalled(site: Site, id_: str, **config: Any) -> str:
    """Start a turn whose model stalls, and return its stream."""
    assert (await start(site, id_, model="slow", **config))[0] == 201
    body = {"message": "x", "stream_id": f"s{id_}"}
    async with site.http.post(f"{site.url}/agents/{id_}/stream", json=body) as response:
        await response.content.readline()
    return f"s{id_}"


async def waits(site: Site, id_: str, message: str) -> int:
    """Send a message that waits, and return the status."""
    async with site.http.post(f"{site.url}/agents/{id_}/stream", json={"message": message}) as response:
        return response.status


async def test_a_users_waiting_messages_have_at_most_max_waiting_bytes(users: Users) -> None:
    stream = await stalled(users.ann, "a")
    await stalled(users.ann, "b")
    await stalled(users.bob, "c")
    big = "m" * 8000
    assert [await waits(users.ann, "a", big), await waits(users.ann, "b", big)] == [200, 200]
    assert await waits(users.ann, "a", big) == 429
    assert (await users.ann.json("POST", f"/streams/{stream}/steer", {"message": big}))[0] == 429
    assert await waits(users.bob, "c", big) == 200
    assert await waits(users.ann, "a", "m" * 30_000) == 413
    async with users.ann.socket() as socket:
        await socket.send_json({"action": "stream_chat", "agent_id": "a", "message": big})
        assert (await socket.receive_json(timeout=30))["code"] == "too_many_requests"
    assert (await users.ann.json("DELETE", "/agents/b"))[0] == 200
    assert await waits(users.ann, "a", big) == 200


async def test_small_messages_fill_a_queue(users: Users) -> None:
    await stalled(users.ann, "a")
    statuses = [await waits(users.ann, "a", "m") for _ in range(25)]
    assert statuses == [200] * 19 + [429] * 6


async def test_at_most_max_steering_messages_wait_to_join_a_turn(users: Users) -> None:
    stream = await stalled(users.ann, "a", max_steering=2)
    steered = [await users.ann.json("POST", f"/streams/{stream}/steer", {"message": "y"}) for _ in range(3)]
    assert [status for status, _ in steered] == [200, 200, 429]
    assert "2 messages wait for the turn's next model call, which is max_steering" in str(steered[2][1])


async def test_a_host_that_starts_an_agent_for_a_user_has_no_ceiling(users: Users) -> None:
    await agent_supervisor.start_agent({"id": "a", "model": "bard", "owner": "ann", "max_queue": 10**6})
    assert find_agent("a") is not None

"""Schedules over HTTP: their owners, their scopes, and the quotas of a user."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from agents.llm.llm_supervisor import load_client
from agents.settings import ClientLimits
from supervisors.agent_supervisor import start_agent
from tests.agents.gateway.site import Site
from tests.agents.gateway.users import ANN, BOB, READ, ROOT, House, house, token
from tests.waiting import eventually

READER = token("reader", "ann", READ)
NEWS = {"name": "news", "agent": "a1", "message": "News?", "cron": "0 9 * * MON-FRI", "timezone": "Europe/Berlin"}


class Users(Struct):
    house: House
    ann: Site
    bob: Site
    root: Site
    reader: Site


@pytest.fixture(autouse=True)
async def _loaded() -> None:
    """Load what the first turn needs, as a daemon does: a connection that waits for that may be closed meanwhile."""
    await load_client()


@pytest.fixture
async def users(tmp_path: Path) -> AsyncIterator[Users]:
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(house((ANN, BOB, ROOT, READER), tmp_path / "sessions.db"))
        limits = home.site.settings.gateway.model_copy(update={"clients": ClientLimits(max_schedules=2)})
        home.app.take(home.site.settings.model_copy(update={"gateway": limits}))
        clients = [await stack.enter_async_context(home.client(of)) for of in (ANN, BOB, ROOT, READER)]
        await start_agent({"id": "a1", "model": "echo", "owner": "ann"})
        yield Users(home, *clients)


async def ended_runs(site: Site, name: str) -> list[Any]:
    return await eventually(
        lambda: runs(site, name),
        lambda found: found and all(run["state"] == "ended" for run in found),
        what=f"ended runs of {name}",
    )


async def runs(site: Site, name: str) -> list[Any]:
    return list((await site.json("GET", f"/schedules/{name}/runs"))[1]["runs"])


async def test_a_user_adds_runs_pauses_and_removes_a_schedule(users: Users) -> None:
    status, added = await users.ann.json("POST", "/schedules", NEWS)
    assert (status, added["owner"], added["source"]) == (201, "ann", "client")
    assert (await users.ann.json("GET", "/schedules"))[1]["schedules"] == [added]
    status, begun = await users.ann.json("POST", "/schedules/news/run")
    assert status == 202
    (run,) = await ended_runs(users.ann, "news")
    assert (run["id"], run["outcome"]) == (begun["run_id"], "complete")
    status, session = await users.ann.json("GET", f"/sessions/{run['session_id']}")
    assert (session["owner"], session["streams"][0]["id"]) == ("ann", run["id"])
    assert (await users.ann.json("POST", "/schedules/news/pause"))[1]["next_at"] is None
    assert (await users.ann.json("POST", "/schedules/news/resume"))[1]["next_at"] == added["next_at"]
    assert await users.ann.json("DELETE", "/schedules/news") == (200, {"removed": True})
    assert (await users.ann.json("GET", "/schedules/news"))[0] == 404


async def test_another_users_schedule_is_answered_like_one_that_does_not_exist(users: Users) -> None:
    assert (await users.ann.json("POST", "/schedules", NEWS))[0] == 201
    for method, path in (
        ("GET", "/schedules/{}"),
        ("GET", "/schedules/{}/runs"),
        ("POST", "/schedules/{}/run"),
        ("POST", "/schedules/{}/pause"),
        ("POST", "/schedules/{}/resume"),
        ("DELETE", "/schedules/{}"),
    ):
        theirs, missing = [await users.bob.json(method, path.format(name)) for name in ("news", "gone")]
        assert theirs[0] == 404
        assert str(theirs).replace("news", "gone") == str(missing)
    assert (await users.bob.json("GET", "/schedules"))[1] == {"schedules": []}
    assert (await users.bob.json("POST", "/schedules", {**NEWS, "agent": "a1"}))[0] == 404  # it is not Bob's agent
    assert (await users.root.json("GET", "/schedules/news"))[0] == 200
    assert (await users.reader.json("GET", "/schedules/news"))[0] == 200
    assert (await users.reader.json("POST", "/schedules/news/run"))[0] == 403


async def test_a_user_has_at_most_max_schedules_of_at_least_a_minute_for_its_own_agents(users: Users) -> None:
    often = {"name": "often", "agent": "a1", "message": "Hi.", "every": 59}
    status, refused = await users.ann.json("POST", "/schedules", often)
    assert (status, refused["error"]["message"]) == (422, "every: expected 60 or more, in s, got 59")
    assert (await users.ann.json("POST", "/schedules", {**NEWS, "owner": "bob"}))[0] == 403
    for name in ("one", "two"):
        assert (await users.ann.json("POST", "/schedules", {**NEWS, "name": name}))[0] == 201
    assert (await users.ann.json("POST", "/schedules", {**NEWS, "name": "one"}))[0] == 409
    status, refused = await users.ann.json("POST", "/schedules", NEWS)
    assert (status, refused["error"]["message"]) == (
        429,
        "expected at most 2 schedules of one user: remove one first",
    )
    assert (await users.root.json("POST", "/schedules", {**often, "owner": "ann"}))[0] == 201


async def test_a_run_reaches_no_agent_that_became_another_users(users: Users) -> None:
    await start_agent({"id": "later", "model": "echo", "owner": "ann"})
    for session in ("own", "lasting"):
        body = {**NEWS, "name": session, "agent": "later", "session": session}
        assert (await users.ann.json("POST", "/schedules", body))[0] == 201
    assert (await users.ann.json("DELETE", "/agents/later"))[0] == 200
    await start_agent({"id": "later", "model": "echo", "owner": "bob"})
    for session in ("own", "lasting"):
        await users.ann.json("POST", f"/schedules/{session}/run")
        (run,) = await ended_runs(users.ann, session)
        assert (run["outcome"], run["reason"]) == (
            "error",
            "no agent has the id 'later', or it is another user's",
        )


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"cron": "0 9 * *"}, "body.cron: expected a cron expression of five fields"),
        ({"timezone": "Europe/Atlantis"}, "body.timezone: expected a time zone that this machine knows"),
        ({"every": 60}, "expected either cron or every, got both"),
        ({"jitter": -1}, "body.jitter"),
        ({"colour": "red"}, "body.colour"),
    ],
)
async def test_a_faulty_schedule_is_refused_in_one_line(users: Users, body: dict[str, Any], line: str) -> None:
    status, refused = await users.ann.json("POST", "/schedules", {**NEWS, **body})
    assert status == 422
    assert line in refused["error"]["message"]


async def test_the_runs_of_one_user_leave_room_for_those_of_others(tmp_path: Path) -> None:
    limits = ClientLimits(max_schedules=20)
    async with (
        house((ANN, BOB, ROOT), tmp_path / "sessions.db") as home,
        home.client(ANN) as ann,
        home.client(BOB) as bob,
    ):
        gateway = home.site.settings.gateway.model_copy(update={"clients": limits})
        home.app.take(home.site.settings.model_copy(update={"gateway": gateway}))
        for owner, agent_id in (("ann", "a1"), ("bob", "b1")):
            await start_agent({"id": agent_id, "model": "slow", "owner": owner})
        for number in range(6):
            await ann.json("POST", "/schedules", {**NEWS, "name": f"n{number}"})
            await ann.json("POST", f"/schedules/n{number}/run")
        await bob.json("POST", "/schedules", {**NEWS, "agent": "b1"})
        await bob.json("POST", "/schedules/news/run")
        await eventually(
            lambda: runs(bob, "news"), lambda found: found[0]["state"] != "waiting", what="the begin of bob's run"
        )
        found = [(await runs(ann, f"n{number}"))[0] for number in range(6)]
        assert sum(run["state"] == "active" for run in found) <= 4  # a quarter of max_running

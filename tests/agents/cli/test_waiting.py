"""The commands about what waits for a person, and about schedules and effects."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agents.core.outcome import NotKnown
from agents.tools.tool import tool
from tests.agents.cli.forked import Forks
from tests.agents.gateway.site import Site

DOUBT = "it may have taken effect: if you approve it, it runs again"


async def nobody_knows() -> NotKnown:
    return NotKnown()


@tool(name="pays", verify=nobody_knows, on_unknown="ask")
async def loses(euros: int) -> str:
    """Lose the answer of a payment."""
    raise ConnectionError("the answer was lost")


@tool(requires_approval=True)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@asynccontextmanager
async def waiting(here: Site, id_: str) -> AsyncIterator[None]:
    """Have the agent's turn wait for a person within the block. Its stream has the agent's id."""
    body = {"message": "go", "stream_id": id_}
    async with here.http.post(f"{here.url}/agents/{id_}/stream", json=body) as stream:
        await stream.content.readuntil(b"event: approval_required")
        yield


@pytest.fixture
async def doubtful(here: Site) -> AsyncIterator[Site]:
    """Serve an agent with a call that may have taken effect, and one with a call that waits for an approval."""
    await here.agent("buyer", "unlucky", tools=[loses])
    await here.agent("buyer", "buyer", tools=[pays])
    async with waiting(here, "unlucky"), waiting(here, "buyer"):
        yield here


async def test_a_call_that_may_have_taken_effect_says_so_to_the_person(commands: Forks, doubtful: Site) -> None:
    for name in ("approvals", "inbox"):
        listed = (await commands.understudy(name)).out
        unlucky = listed[listed.index("unlucky: ") :].partition("buyer: ")[0]
        assert DOUBT in unlucky, name
        assert listed.count(DOUBT) == 1, name


async def test_a_printed_command_names_the_daemon_as_the_person_did(
    commands: Forks, doubtful: Site, tmp_path_factory: pytest.TempPathFactory
) -> None:
    token = commands.env["UNDERSTUDY_TOKEN_FILE"]
    by_variables = await commands.understudy("approvals")
    assert re.search(r"^    understudy approve buyer \S+$", by_variables.out, re.MULTILINE)
    nowhere = {"UNDERSTUDY_URL": "http://127.0.0.1:1", "UNDERSTUDY_TOKEN_FILE": "/none"}
    here = ("--url", doubtful.url, "--token-file", token)
    for name in ("approvals", "inbox"):
        listed = (await commands.understudy(name, *here, env=nowhere)).out
        assert re.search(rf"^    understudy approve buyer \S+ {' '.join(here)}$", listed, re.MULTILINE), name
    (words,) = [line.split() for line in listed.splitlines() if "approve buyer" in line]
    assert (await commands.understudy(*words[1:], env=nowhere)).out == "approved\n"


async def test_the_inbox_as_json_has_the_items_of_the_approvals(commands: Forks, doubtful: Site) -> None:
    shown = [json.loads(line) for line in (await commands.understudy("inbox", "--json")).out.splitlines()]
    listed = [json.loads(line) for line in (await commands.understudy("approvals", "--json")).out.splitlines()]
    assert [each["agent_id"] for each in shown] == ["unlucky", "buyer"]  # the oldest first
    for each in listed:
        (same,) = [item for item in shown if item["agent_id"] == each["agent_id"]]
        assert {**same, "expires_in_s": 0} == {**each, "expires_in_s": 0}


async def test_an_effect_is_settled_by_the_beginning_of_its_key(commands: Forks, doubtful: Site) -> None:
    (effect,) = [
        json.loads(line) for line in (await commands.understudy("effects", "--unknown", "--json")).out.splitlines()
    ]
    key = effect["key"]
    unknown = await commands.understudy("effects", "settle", "none", "--did-not-happen")
    assert (unknown.code, unknown.err.count("\n")) == (3, 1)
    settled = await commands.understudy("effects", "settle", key[:8], "--happened", '"paid"')
    assert (settled.code, settled.out) == (0, "settled; its turn goes on\n")
    assert settled.err == f"understudy: {key[:8]} is taken as {key}\n"


async def test_an_approval_for_later_calls_is_revoked_by_the_beginning_of_its_id(
    commands: Forks, doubtful: Site
) -> None:
    assert (await commands.understudy("approve", "buyer", "--always", "tool")).out == "approved\n"
    (standing,) = (await commands.understudy("approvals", "--always", "--json")).out.splitlines()
    revoked = await commands.understudy("approvals", "--revoke", json.loads(standing)["id"][:6])
    assert (revoked.code, revoked.out) == (0, "revoked\n")
    assert (await commands.understudy("approvals", "--always")).out == "no approval holds for later calls\n"


async def test_a_schedule_is_added_listed_and_named_by_its_beginning(commands: Forks, here: Site) -> None:
    await here.agent("echo", "writer")
    words = ("--agent", "writer", "--message", "News?", "--cron", "0 9 * * *")
    added = await commands.understudy("schedules", "add", "news", *words)
    assert re.fullmatch(r"added: next due at \d{4}-\d\d-\d\d \d\d:00:00[+-]\d\d:\d\d\n", added.out)
    listed = await commands.understudy("schedules", "list")
    assert listed == await commands.understudy("schedules")
    assert listed.out.splitlines()[1].split()[:2] == ["news", "writer"]
    paused = await commands.understudy("schedules", "pause", "ne")
    assert paused == (0, "paused\n", "understudy: ne is taken as news\n")
    assert (await commands.understudy("schedules", "resume", "ne")).out.startswith("resumed: next due at ")
    run_id = (await commands.understudy("schedules", "run-now", "ne")).out.strip()
    each = ("--agent", "writer", "--message", "x", "--every")
    assert (await commands.understudy("schedules", "add", "hourly", *each, "1h")).code == 0
    assert "every 3600 s" in (await commands.understudy("schedules")).out
    faulty = await commands.understudy("schedules", "add", "faulty", *each, "often")
    assert (faulty.code, faulty.err.count("\n")) == (2, 1)
    assert "expected a number of seconds, or a time such as 30m, 12h, 7d or 8w, got 'often'" in faulty.err
    cron = await commands.understudy("schedules", "add", "faulty", *each[:-1], "--cron", "61 * * * *")
    assert cron.err.startswith("understudy: cron: expected a cron expression")
    again = await commands.understudy("schedules", "add", "hourly", *each, "1h")
    assert again == (3, "", "understudy: expected an unused name, got 'hourly', which is in use\n")
    assert run_id in (await commands.understudy("schedules", "history", "ne")).out
    assert (await commands.understudy("schedules", "remove", "ne")).code == 3
    assert (await commands.understudy("schedules", "remove", "news")).out == "removed\n"


async def test_the_options_of_a_group_hold_for_its_commands(commands: Forks, here: Site) -> None:
    token = commands.env["UNDERSTUDY_TOKEN_FILE"]
    nowhere = {"UNDERSTUDY_URL": "http://127.0.0.1:1", "UNDERSTUDY_TOKEN_FILE": "/none"}
    place = ("--url", here.url, "--token-file", token)
    for group, command in (("schedules", "list"), ("sessions", "list"), ("effects", "settle")):
        more = ("none", "--did-not-happen") if command == "settle" else ()
        ended = await commands.understudy(group, *place, command, *more, env=nowhere)
        assert ended.code == (3 if more else 0), ended


@pytest.mark.parametrize("since", ["yesterday", "²d", "-1d", "2026-13-01", "1y"])
async def test_a_faulty_time_is_one_line(commands: Forks, since: str) -> None:
    for name in ("effects", "spend"):
        ended = await commands.understudy(name, "--since", since)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), name
        assert f"or an age such as 30m, 12h, 7d or 8w, got {since!r}" in ended.err


@pytest.mark.parametrize("since", ["999999w", "2026-05-01", "2026-05-01T12:00+02:00", "12h"])
async def test_a_time_may_be_any_age_or_date(commands: Forks, here: Site, since: str) -> None:
    for name in ("effects", "spend"):
        assert (await commands.understudy(name, "--since", since)).code == 0, name

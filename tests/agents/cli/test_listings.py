"""The listings of commands: columns for people at any width, JSON Lines for programs, and beginnings of ids."""

import json
import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from agents.cli.remote.top import TopView
from agents.tools.tool import tool
from tests.agents.cli.forked import Forks
from tests.agents.gateway.site import Site

LONG = "customer-of-the-northern-branch-17"
SESSION_FIELDS = ["id", "name", "title", "live", "owner", "created_at", "updated_at", "message_count", "parent_id"]


@tool(requires_approval=True)
async def pays(euros: int) -> str:
    """Spend money."""
    return f"paid {euros}"


@pytest.fixture
async def busy(here: Site) -> AsyncIterator[Site]:
    """Serve three agents. One is in a turn with the stream s1, and one waits for an approval in s2."""
    await here.agent("slow", LONG, name="A name of many words that no narrow terminal has room for")
    await here.agent("buyer", "buyer", tools=[pays])
    await here.agent("echo", "buyer-2")
    urls = [f"{here.url}/agents/{LONG}/stream", f"{here.url}/agents/buyer/stream"]
    async with (
        here.http.post(urls[0], json={"message": "go", "stream_id": "s1" * 16}) as slow,
        here.http.post(urls[1], json={"message": "go", "stream_id": "s2" * 16}) as buys,
    ):
        await slow.content.readuntil(b"event: token")
        await buys.content.readuntil(b"event: approval_required")
        yield here


async def lines(commands: Forks, *arguments: str) -> list[Any]:
    ended = await commands.understudy(*arguments, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.isascii()
    return [json.loads(line) for line in ended.out.splitlines()]


async def test_json_lines_have_the_fields_of_the_rest_answers(commands: Forks, busy: Site) -> None:
    agents = await lines(commands, "ps")
    assert [agent["id"] for agent in agents] == ["buyer", "buyer-2", LONG]
    for agent in agents:
        known = (await busy.json("GET", f"/agents/{agent['id']}"))[1]
        assert {**agent, "streams": []} == {**known, "streams": []}
    assert agents[0]["streams"][0]["waiting"] == 1
    (waiting,) = await lines(commands, "approvals")
    assert (waiting["stream_id"], waiting["tool_call"]["function"]["name"]) == ("s2" * 16, "pays")
    sessions = await lines(commands, "sessions", "list")
    assert {session["id"] for session in sessions} == {"buyer", "buyer-2", LONG}
    assert [list(session) for session in sessions] == [SESSION_FIELDS] * 3
    (session,) = await lines(commands, "sessions", "show", "buyer-2")
    assert session["conversation"] == []
    (tree,) = await lines(commands, "tree")
    assert tree["children"][0]["process"]["name"] == "understudy"
    processes = await lines(commands, "top", "--by", "memory", "--filter", "agent:")
    assert {process["name"] for process in processes} == {f"agent:{id_}" for id_ in ("buyer", "buyer-2", LONG)}
    (timeline,) = await lines(commands, "timeline", "s2" * 16)
    assert timeline["stream_id"] == "s2" * 16
    assert {"key", "value", "source"} == set((await lines(commands, "config", "show"))[0])
    doctor = json.loads((await commands.understudy("doctor", "--url", busy.url, "--json")).out.splitlines()[0])
    assert doctor == {"verdict": "ok", "subject": "daemon", "text": f"{busy.url}: answers"}


async def test_the_events_of_a_stream_are_json_lines_as_on_the_wire(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    await here.stream("a", "Hello there.", stream_id="s")
    sent = await here.events("s")
    events = await lines(commands, "tail", "s")
    assert [(event["event"], event["id"], event["data"]) for event in events] == [
        (event.name, event.id, event.data) for event in sent
    ]


@pytest.mark.parametrize("columns", [40, 80])
async def test_no_row_is_wider_than_the_terminal(commands: Forks, busy: Site, columns: int) -> None:
    for arguments in (("ps",), ("sessions", "list"), ("tree",), ("config", "show")):
        shown = await commands.at_a_terminal(columns, *arguments)
        assert (shown.code, shown.err) == (0, ""), arguments
        assert max(map(len, shown.out.splitlines())) <= columns, arguments
    rows = (await commands.at_a_terminal(columns, "ps")).out.splitlines()
    assert re.match(r"AGENT +.*STREAM +STATUS", rows[0])
    assert [row.split()[0][:5] for row in rows[1:]] == ["buyer", "buyer", "custo"]
    assert ("OWNER" in rows[0], "WAITS" in rows[0]) == (False, True)


async def test_ps_and_sessions_count_the_same_messages(commands: Forks, here: Site) -> None:
    await here.agent("echo", system_prompt="Be brief.")
    await here.stream("a", "Hello.")
    (agent,), (session,) = await lines(commands, "ps"), await lines(commands, "sessions", "list")
    assert agent["messages"] == session["message_count"] == 2


async def test_a_pipe_gets_every_cell_in_full(commands: Forks, busy: Site) -> None:
    header, *rows = (await commands.understudy("ps")).out.splitlines()
    assert header.split() == (
        ["AGENT", "NAME", "MODEL", "MESSAGES", "STREAM", "STATUS", "EVENTS", "AGE", "TOKENS", "COST", "WAITS", "OWNER"]
    )
    assert rows[2].split()[0] == LONG
    assert "s1" * 16 in rows[2]
    assert re.search(r" running +\d+ +\d+s +\d+ +\S+ +1  -$", rows[0])


async def test_times_have_their_zone(commands: Forks, busy: Site) -> None:
    env = {**commands.env, "TZ": "Asia/Kolkata"}
    header, row, *_ = (await commands.understudy("sessions", "list", env=env)).out.splitlines()
    assert header.split() == ["SESSION", "UPDATED", "MESSAGES", "STATE", "OWNER", "TITLE"]
    day, time = row.split()[1:3]
    assert datetime.fromisoformat(f"{day} {time}").tzinfo is not None


async def test_tree_and_top_name_agents_and_streams(commands: Forks, busy: Site) -> None:
    tree = (await commands.understudy("tree")).out
    assert re.search(rf"── agent:{LONG} Pid\(\d+\)", tree)
    assert re.search(rf"── turn:{LONG} Pid\(\d+\) stream {'s1' * 16}$", tree, re.MULTILINE)
    top = (await commands.understudy("top")).out
    assert re.search(r"processes, .* 2 turns, \d+\.\d tokens/s$", top.splitlines()[0])
    assert re.search(rf"^{'s1' * 16}  {LONG}  streaming +\d+ s +\d+ +\d+\.\d +0$", top, re.MULTILINE)


async def test_q_leaves_top_and_keys_change_its_view(commands: Forks, busy: Site) -> None:
    shown = await commands.at_a_terminal(100, "top", "--every", "0.01", keys="m/buyer-2\nq")
    assert (shown.code, shown.err) == (0, "")
    last = shown.out.split("processes, ")[-1]
    assert "by memory; only 'buyer-2'" in last
    assert "agent:buyer-2" in last
    assert "journal" not in last


async def test_a_conversation_with_an_agent_names_it_and_its_daemon(commands: Forks, here: Site) -> None:
    await here.agent("echo", "writer", name="Writer")
    shown = await commands.at_a_terminal(100, "chat", "--agent", "wri", keys="/new\n/exit\n")
    assert shown.code == 0
    assert f"Writer (writer), echo, at {here.url}\n" in shown.out
    assert "got '/new'" in shown.err
    assert (await here.json("GET", "/agents/writer"))[0] == 200


def test_the_keys_of_top() -> None:
    def after(keys: str) -> TopView:
        view = TopView("reductions")
        for key in keys:
            view = view.pressed(key)
        return view

    assert after("b").by == "mailbox"
    assert after("q").left
    assert after("/qx\x7f\n") == TopView("reductions", "q")
    assert after("/q\x1b") == after("/q\n\x1b") == after("z") == TopView("reductions")


async def test_the_beginning_of_an_id_is_enough(commands: Forks, busy: Site) -> None:
    assert (await commands.understudy("approve", "s2", "--arguments", '{"euros":1}')).code == 3
    approved = await commands.understudy("approve", "s2")
    assert (approved.code, approved.out) == (0, "approved\n")
    assert re.fullmatch(rf"understudy: {'s2' * 16} \S+: pays .*500.*\n", approved.err)
    assert (await commands.understudy("tail", "s2")).code == 0
    assert (await commands.understudy("cancel", "s1")).out == "cancelled\n"
    assert (await commands.understudy("sessions", "rename", "cust", "Title")).code == 0
    assert (await commands.understudy("chat", "hi", "--agent", "buyer-")).out == "hi\n"
    stopped = await commands.understudy("stop", "cust")
    assert stopped == (0, "stopped\n", f"understudy: cust is taken as {LONG}\n")


async def test_a_beginning_of_several_ids_is_refused_with_the_candidates(commands: Forks, busy: Site) -> None:
    for arguments in (("stop", "buy"), ("sessions", "show", "buy"), ("chat", "hi", "--agent", "buy")):
        ended = await commands.understudy(*arguments)
        line = "understudy: expected the beginning of one id, got 'buy', which fits buyer, buyer-2\n"
        assert ended == (3, "", line), arguments
    assert (await commands.understudy("stop", "buyer")).code == 0
    assert (await commands.understudy("sessions", "show", "buyer")).out.startswith("buyer ")


async def test_a_misspelled_id_is_refused_with_the_most_similar_one(commands: Forks, busy: Site) -> None:
    for arguments in (("stop", "byuer"), ("sessions", "show", "byuer")):
        ended = await commands.understudy(*arguments)
        assert (ended.code, ended.err.count("\n")) == (3, 1), arguments
        assert ended.err.endswith("; did you mean 'buyer'?\n"), arguments


async def test_a_session_is_deleted_after_a_question_or_with_yes_and_its_whole_id(commands: Forks, busy: Site) -> None:
    refused = await commands.understudy("sessions", "delete", "buyer-2")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "expected --yes" in refused.err
    assert (await commands.understudy("sessions", "delete", "buyer-", "--yes")).code == 3
    asked = await commands.at_a_terminal(80, "sessions", "delete", "buyer-", keys="n\n")
    assert (asked.code, "Delete this session for ever? [y/N]" in asked.out + asked.err) == (0, True)
    assert (await commands.understudy("sessions", "show", "buyer-2")).code == 0
    assert (await commands.at_a_terminal(80, "sessions", "delete", "buyer-", keys="y\n")).code == 0
    assert (await commands.understudy("sessions", "show", "buyer-2")).code == 3


async def test_a_shell_completes_ids(commands: Forks, busy: Site, tmp_path: Any) -> None:
    async def completed(*words: str, **env: str) -> list[str]:
        asked = {
            "_UNDERSTUDY_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        ended = await commands.understudy(env={**commands.env, **asked, **env})
        assert ended.err == ""
        return [line.partition(",")[2] for line in ended.out.splitlines() if line]

    assert await completed("understudy", "stop", "buyer-") == ["buyer-2"]
    assert await completed("understudy", "tail", "s") == ["s2" * 16, "s1" * 16]
    assert await completed("understudy", "approve", "s") == ["s2" * 16]
    assert await completed("understudy", "sessions", "show", "cu") == [LONG]
    assert await completed("understudy", "chat", "--agent", "cu") == [LONG]
    await commands.understudy("schedules", "add", "news", "--agent", "buyer", "--message", "x", "--every", "9")
    assert await completed("understudy", "schedules", "pause", "n") == ["news"]
    assert await completed("understudy", "effects", "settle", "") == []
    store = f"sqlite:///{tmp_path}/s.db"
    assert await completed("understudy", "sessions", "--store", store, "show", "cu", UNDERSTUDY_URL="") == [LONG]
    assert await completed("understudy", "stop", "b", UNDERSTUDY_URL="http://127.0.0.1:1") == []

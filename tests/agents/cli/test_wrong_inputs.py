"""Wrong inputs of commands: one line that says what was expected, and nothing has been done."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.cli.conversation import READ_BYTES
from tests.agents.cli.forked import Forks
from tests.agents.cli.test_waiting import pays, waiting
from tests.agents.gateway.site import Site

SEGMENTS = ("", ".", "..")

BY_ID = [
    ("tail", "{}"),
    ("cancel", "{}"),
    ("steer", "{}", "x"),
    ("timeline", "{}"),
    ("stop", "{}"),
    ("reset", "{}"),
    ("chat", "x", "--agent", "{}"),
    ("approve", "{}", "call"),
    ("answer", "{}", "call", "x"),
    ("effects", "settle", "{}", "--did-not-happen"),
    ("schedules", "pause", "{}"),
    ("schedules", "remove", "{}"),
    ("schedules", "history", "{}"),
    ("sessions", "show", "{}"),
    ("sessions", "rename", "{}", "x"),
    ("sessions", "delete", "{}", "--yes"),
    ("sessions", "export", "{}"),
    ("sessions", "fork", "{}"),
]
"""The commands that name one thing by its id, which {} stands for."""

WRONG = [
    (("chat", "", "--agent", "a"), "expected a message, got an empty one"),
    (("chat", " \n", "--agent", "a"), "expected a message, got an empty one"),
    (
        ("chat", "x", "--agent", "a", "--model", "m"),
        "got both: --model is for a new agent",
    ),
    (("chat", "x", "--agent", "a", "--tools", "none"), "expected --agent or --tools, got both"),
    (("chat", "x", "--agent", "a", "--root", "/"), "--root is for an agent of this program, got a daemon's agent"),
    (("approve", "s", "--same-arguments"), "expected --always, too, got --same-arguments only"),
    (("timeline", "s", "--json", "--svg", "s.svg"), "expected --json or --svg, got both"),
    (("top", "--everi", "1"), "No such option '--everi'. Did you mean '--every'?"),
    (("tree", "--bogus"), "No such option '--bogus'."),
    (("top", "--every", "0"), "expected a number of seconds above 0, or a time such as 30m, 12h, 7d or 8w, got '0'"),
    (("top", "--every", "-1"), "expected a number of seconds above 0"),
    (("tree", "--every", "nan"), "expected a number of seconds above 0"),
    (
        ("schedules", "add", "n", "--agent", "a", "--message", "x", "--every", "nan"),
        "expected a number of seconds, or a time such as 30m, 12h, 7d or 8w, got 'nan'",
    ),
    (("effects", "settle", "k"), "expected --happened RESULT or --did-not-happen, got neither"),
    (("effects", "settle", "k", "--did-not-happen", "--happened", "x"), "got both"),
    (("sessions", "list", "--store", "mysql://h/d"), "expected a store's URL that begins with postgresql"),
]


async def test_an_id_that_is_empty_or_leads_to_another_path_is_refused(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    for words in BY_ID:
        for segment in SEGMENTS:
            ended = await commands.understudy(*(word.replace("{}", segment) for word in words))
            assert (ended.code, ended.out) == (2, ""), (words, segment, ended.err)
            assert ended.err == f"understudy: expected an id, got {segment!r}\n", (words, segment)


async def test_an_empty_id_decides_no_call(commands: Forks, here: Site) -> None:
    await here.agent("buyer", "buyer", tools=[pays])
    async with waiting(here, "buyer"):
        for words in (("approve", ""), ("deny", ""), ("answer", "", "x"), ("approve", "buyer", "")):
            ended = await commands.understudy(*words)
            assert (ended.code, ended.err) == (2, "understudy: expected an id, got ''\n")
        assert (await commands.understudy("deny", "buyer")).code == 0


async def test_options_that_a_command_would_ignore_are_refused(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    for words, line in WRONG:
        ended = await commands.understudy(*words)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), (words, ended.err)
        assert line in ended.err, words
    assert (await here.json("GET", "/agents/a"))[1]["messages"] == 0


async def test_the_model_of_the_environment_does_not_keep_one_from_an_agent(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    ended = await commands.understudy("chat", "hi", "--agent", "a", env={"OPENAI_MODEL": "m"})
    assert (ended.code, ended.out) == (0, "hi\n")


async def test_a_misspelled_agent_gets_a_suggestion_in_chat(commands: Forks, here: Site) -> None:
    await here.agent("echo", "box-office")
    ended = await commands.understudy("chat", "hi", "--agent", "box-ofice")
    assert ended.err == "understudy: expected the id of an agent, got 'box-ofice'; did you mean 'box-office'?\n"
    assert (ended.code, ended.out) == (3, "")


async def test_a_misspelled_agent_of_later_runs_gets_a_note(commands: Forks, here: Site) -> None:
    await here.agent("echo", "box-office")
    add = ("schedules", "add", "--cron", "0 9 * * *", "--message", "x", "--agent")
    note = "understudy: no agent has the id 'box-ofice' now; did you mean 'box-office'?\n"
    ended = await commands.understudy(*add, "box-ofice", "later")
    assert (ended.code, ended.out.partition(":")[0], ended.err) == (0, "added", note)
    assert (await commands.understudy(*add, "box-office", "now")).err == ""
    assert (await commands.understudy("mcp", "--agent", "box-ofice")).err == note


async def test_a_wrong_call_of_a_stream_is_named(commands: Forks, here: Site) -> None:
    await here.agent("buyer", "buyer", tools=[pays])
    async with waiting(here, "buyer"):
        ended = await commands.understudy("deny", "buy", "none")
        assert (ended.code, ended.out) == (3, "")
        assert ended.err == (
            "understudy: expected a stream with a call that waits for a decision, got 'buy' and the call 'none': "
            "understudy approvals lists them\n"
        )
        wrong = await commands.understudy("answer", "buyer", "yes")
        assert wrong.err.splitlines()[-1] == "understudy: this call waits for an approval: approve or deny it"
        edited = await commands.understudy("approve", "buyer", "--edited", '{"dollars": 1}')
        (line,) = (each for each in edited.err.splitlines() if "edited: " in each)
        assert line.count("; ") == 1, "two faults, apart"
        assert (await commands.understudy("deny", "buyer")).code == 0


@pytest.fixture
async def website() -> AsyncIterator[str]:
    """Serve a page at every path, as a web server at a wrong port does."""

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome!</html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with TestServer(app) as server:
        yield f"http://{server.host}:{server.port}"


async def test_a_program_that_is_no_daemon_is_named(commands: Forks, here: Site, website: str) -> None:
    for words in (("ps",), ("sessions", "list"), ("tail", "s"), ("chat", "x", "--agent", "a"), ("reload",)):
        ended = await commands.understudy(*words, "--url", website)
        assert (ended.code, ended.out) == (2, ""), (words, ended.err)
        got = f"understudy: expected a daemon at {website}, got an answer of another program, text/html\n"
        assert ended.err == got, words


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999", "http://[::1"])
async def test_an_address_that_is_none_is_refused(commands: Forks, here: Site, url: str) -> None:
    ended = await commands.understudy("ps", "--url", url)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("understudy: expected the URL of a daemon, such as http://127.0.0.1:8765, got 'http:")


@pytest.mark.parametrize(
    ("content", "got"),
    [(b"", "an empty file"), (b"a b", "several words"), (b"a\nb\n", "several words"), (b"\xff", "inv")],
)
async def test_a_file_without_a_token_is_refused(
    commands: Forks, here: Site, tmp_path: Path, content: bytes, got: str
) -> None:
    (file := tmp_path / "wrong").write_bytes(content)
    ended = await commands.understudy("ps", "--token-file", str(file))
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"understudy: expected the daemon's token in {file}, got {got}")


async def test_a_long_line_of_stdin_is_one_message(commands: Forks, here: Site) -> None:
    await here.agent("echo")
    long = "x" * (3 * READ_BYTES) + "\n\nend"
    ended = await commands.understudy("chat", "-", "--agent", "a", stdin=long)
    assert (ended.code, ended.out) == (0, f"{long}\n")
    lines = await commands.understudy("chat", "--agent", "a", stdin=long)
    assert lines.out.split() == ["x" * (3 * READ_BYTES), "end"]

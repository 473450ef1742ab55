"""`understudy chat` as its users run it: an OS process, with a server on loopback."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer, builtin, parse
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment, pointing_at
from tests.agents.parts.samples import PDF, PNG, seen

SCRIPT = """
[models.seeing]
turns = [{ steps = [{ text = "{user} -> {parts}" }] }]

[models.sums]
turns = [{ steps = [
    { text = "Let me see.", tool_calls = [{ name = "calculator", arguments = { expression = "6 * 7" } }] },
    { text = "It is {tool:calculator}." },
] }]

[models.reads]
turns = [{ steps = [
    { tool_calls = [{ name = "file_ops", arguments = { operation = "read", path = "note.txt" } }] },
    { text = "It says: {tool:file_ops}" },
] }]
"""


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "test.toml")) as server:
        yield server


@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_the_answer_is_on_stdout_and_everything_else_on_stderr(server: RehearsalServer, api: str) -> None:
    code, out, err = await understudy("chat", "hello there", "--model", "echo", "--api", api, env=pointing_at(server))
    assert (code, out) == (0, "hello there\n")
    (figures,) = err.splitlines()
    assert "first token" in figures


async def test_a_tool_runs_and_its_result_is_used(server: RehearsalServer) -> None:
    command = ("chat", "6 * 7?", "--model", "sums", "--tools", "calculator")
    code, out, err = await understudy(*command, env=pointing_at(server))
    assert (code, out) == (0, "Let me see.\nIt is 42.\n")
    asked, answered, _ = err.splitlines()
    assert asked == '-> calculator {"expression":"6 * 7"}'
    assert answered.startswith("<- calculator ")
    assert answered.endswith(" s: 42")


async def test_file_ops_sees_the_root_that_it_was_given(server: RehearsalServer, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("break a leg")
    command = ("chat", "read it", "--model", "reads", "--tools", "file_ops", "--root", str(tmp_path))
    code, out, _ = await understudy(*command, env=pointing_at(server))
    assert (code, out) == (0, "It says: break a leg\n")


async def test_model_and_system_prompt_reach_the_provider(server: RehearsalServer) -> None:
    env = {**pointing_at(server), "OPENAI_MODEL": "echo"}
    assert (await understudy("chat", "hi", "--system", "Be brief.", env=env)).code == 0
    (request,) = server.requests
    assert request["model"] == "echo"
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_an_option_overrides_the_environment(server: RehearsalServer) -> None:
    env = environment(OPENAI_BASE_URL="http://127.0.0.1:1/v1", OPENAI_API_KEY="any", OPENAI_MODEL="none")
    command = ("chat", "hi", "--model", "echo", "--base-url", server.base_url)
    assert (await understudy(*command, env=env)).out == "hi\n"


async def failure(*arguments: str, code: int = 5, env: dict[str, str]) -> str:
    """Return the one line of a chat that failed."""
    ended, out, err = await understudy("chat", *arguments, env=env)
    assert (ended, out) == (code, "")
    (line,) = err.splitlines()
    return line


async def test_an_unknown_model_is_one_line(server: RehearsalServer) -> None:
    line = await failure("hi", "--model", "nobody", env=pointing_at(server))
    asked = f"asked: POST {server.base_url}/chat/completions"
    assert line == f"understudy: api error 404: The model `nobody` does not exist ({asked})"


async def test_a_wrong_key_is_one_line() -> None:
    async with RehearsalServer(builtin(), api_key="right") as server:
        line = await failure("hi", "--model", "echo", env=pointing_at(server, key="wrong"))
    assert line.startswith("understudy: api error 401: Incorrect API key")


async def test_a_refused_connection_is_one_line() -> None:
    with socket.socket() as bound:  # bound and not listening: no other program can use the port
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
        line = await failure("hi", code=4, env=environment(OPENAI_BASE_URL=url, OPENAI_API_KEY="any"))
    assert line.startswith("understudy: network error: econnrefused")


@pytest.mark.parametrize("message", [["hi"], []])
async def test_a_missing_key_is_one_line_before_anything_is_asked(message: list[str]) -> None:
    line = await failure(*message, code=2, env=environment())
    assert "OPENAI_API_KEY" in line


async def test_each_wrong_tool_is_one_line(server: RehearsalServer) -> None:
    code, out, err = await understudy("chat", "hi", "--tools", "calc,teleport", env=pointing_at(server))
    assert (code, out) == (2, "")
    first, second = err.splitlines()
    assert "'calc'" in first
    assert "'teleport'" in second


async def test_a_broken_answer_leaves_its_first_part(server: RehearsalServer) -> None:
    code, out, err = await understudy("chat", "hi", "--model", "fault-truncate", env=pointing_at(server))
    assert (code, out) == (4, "This answer just\n")
    assert err == "understudy: connection closed before the stream was finished\n"


@pytest.mark.parametrize("typed", ["one\n\ntwo\n", "one\n\ntwo", "one\n\ntwo\r\n\n"])
async def test_a_dash_sends_all_of_stdin_as_one_message(server: RehearsalServer, typed: str) -> None:
    code, out, _ = await understudy("chat", "-", "--model", "echo", env=pointing_at(server), stdin=typed)
    assert (code, out) == (0, "one\n\ntwo\n")
    assert [request["messages"][-1]["content"] for request in server.requests] == ["one\n\ntwo"]


@pytest.mark.parametrize("typed", ["", "\n", "  \n\n"])
async def test_a_dash_with_an_empty_stdin_is_one_line(server: RehearsalServer, typed: str) -> None:
    ended = await understudy("chat", "-", "--model", "echo", env=pointing_at(server), stdin=typed)
    assert ended == (2, "", "understudy: stdin: expected a message, got none\n")
    assert server.requests == []


async def test_a_conversation_remembers_and_continues_to_the_end_of_stdin(server: RehearsalServer) -> None:
    code, out, _ = await understudy("chat", "--model", "echo", env=pointing_at(server), stdin="one\n\ntwo")
    assert (code, out) == (0, "one\ntwo\n")
    contents = [message["content"] for message in server.requests[-1]["messages"]]
    assert contents == ["one", "one", "two"]


async def test_a_failed_turn_is_one_line_and_the_conversation_continues() -> None:
    script = parse(
        """
        [[models.moody.turns]]
        match = "fail"
        steps = [{ fault = "html" }]
        [[models.moody.turns]]
        steps = [{ text = "{user}" }]
        """,
        "moody.toml",
    )
    async with RehearsalServer(script) as server:
        code, out, err = await understudy("chat", "--model", "moody", env=pointing_at(server), stdin="fail\ngo on\n")
    assert (code, out) == (0, "go on\n")
    assert [line for line in err.splitlines() if line.startswith("understudy: ")]


async def test_attached_files_go_with_the_message(server: RehearsalServer, tmp_path: Path) -> None:
    (tmp_path / "cat.txt").write_bytes(PNG)
    (tmp_path / "paper").write_bytes(PDF)
    files = ("--attach", str(tmp_path / "cat.txt"), "--attach", str(tmp_path / "paper"))
    code, out, _ = await understudy("chat", "Look:", *files, "--model", "seeing", env=pointing_at(server))
    assert (code, out) == (0, f"Look: -> {seen('image/png', PNG)}\n{seen('application/pdf', PDF)}\n")


async def test_a_file_of_another_format_is_a_wrong_use_in_one_line(server: RehearsalServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"PK\x03\x04")
    for name, words in (("a.png", "bytes of another format"), ("none.png", "No such file"), (".", "a folder")):
        path = str(tmp_path / name)
        code, _, err = await understudy("chat", "Look:", "--attach", path, env=pointing_at(server))
        assert code == 2
        assert words in err.splitlines()[-1]

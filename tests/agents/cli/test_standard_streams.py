"""Commands with closed descriptors, on a full disk, with pipes whose reader has left, in narrow encodings."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.rehearsal import RehearsalServer, builtin
from tests.agents.cli.terminal import UNDERSTUDY, environment, pointing_at

WIDE = "hüllo, 日本 😀"
C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0"}
NO_SPACE = b"understudy: expected to write to stdout, got: No space left on device\n"
CHAT = ("chat", "Hello", "--model", "echo")


class Ended(NamedTuple):
    code: int | None
    out: bytes
    err: bytes


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin()) as server:
        yield server


async def run(
    redirection: str, *arguments: str | bytes, env: dict[str, str], stdin: bytes = b"", command: str = UNDERSTUDY
) -> Ended:
    """Run the command to its end in a shell, with this redirection."""
    script = f'exec "$0" "$@" {redirection}'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", script, command, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=env
    )
    out, err = await process.communicate(stdin)
    return Ended(process.returncode, out, err)


def mentions_no_code(err: bytes) -> bool:
    return b"Traceback" not in err and b"Exception" not in err and b"Assertion" not in err


# Closed descriptors


@pytest.mark.parametrize(
    ("closed", "out"),
    [("<&-", b"Hello\n"), (">&-", b""), ("2>&-", b"Hello\n"), ("<&- >&- 2>&-", b"")],
)
async def test_a_closed_descriptor_is_as_the_null_device(server: RehearsalServer, closed: str, out: bytes) -> None:
    ended = await run(closed, *CHAT, env=pointing_at(server))
    assert (ended.code, ended.out) == (0, out)
    assert (b"first token" in ended.err) is ("2>&-" not in closed)
    assert mentions_no_code(ended.err)


async def test_a_conversation_with_stdin_closed_ends_at_once(server: RehearsalServer) -> None:
    assert await run("<&-", "chat", "--model", "echo", env=pointing_at(server)) == (0, b"", b"")


LOCAL: dict[str, tuple[tuple[str, ...], int]] = {
    "help": (("--help",), 0),
    "a wrong option": (("chat", "--modell"), 2),
    "config show": (("config", "show"), 0),
    "config check": (("config", "check", "FILE"), 0),
}
"""As processes that the interpreter starts. test_every_command.py has the other commands."""


def local(name: str, tmp_path: Path) -> tuple[list[str], dict[str, str], int]:
    """Return the arguments, environment and exit code of a command that needs no server."""
    arguments, code = LOCAL[name]
    file = tmp_path / "sys.config"
    file.write_text("[].\n")
    env = environment(OPENAI_API_KEY="any", HOME=str(tmp_path))
    return [str(file) if each == "FILE" else each for each in arguments], env, code


@pytest.mark.parametrize("name", LOCAL)
async def test_with_all_descriptors_closed_each_command_ends_as_usual(name: str, tmp_path: Path) -> None:
    arguments, env, code = local(name, tmp_path)
    assert await run("<&- >&- 2>&-", *arguments, env=env) == (code, b"", b"")


async def test_a_program_under_tree_or_top_runs_with_descriptors_closed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import sys\nsys.stdin.read()\nprint('done')\n")
    assert await run("<&- 2>&-", "tree", str(program), env=environment()) == (0, b"done\n", b"")


# Full disks, and pipes without readers


@pytest.mark.parametrize(("name", "printed"), [(name, code == 0) for name, (_, code) in LOCAL.items()], ids=list(LOCAL))
async def test_a_full_disk_is_one_line_and_exit_code_1(name: str, printed: bool, tmp_path: Path) -> None:
    """A command without output on stdout is not affected."""
    arguments, env, code = local(name, tmp_path)
    ended = await run(">/dev/full", *arguments, env=env)
    assert mentions_no_code(ended.err)
    if printed:
        assert (ended.code, ended.err) == (1, NO_SPACE)
    else:
        assert (ended.code, NO_SPACE in ended.err) == (code, False)


async def test_an_answer_that_cannot_be_written_is_one_line(server: RehearsalServer) -> None:
    assert await run(">/dev/full", *CHAT, env=pointing_at(server)) == (1, b"", NO_SPACE)
    assert await run("1</dev/null", *CHAT, env=pointing_at(server)) == (
        1,
        b"",
        b"understudy: expected to write to stdout, got: Bad file descriptor\n",
    )


async def test_an_answer_is_given_with_a_full_stderr(server: RehearsalServer) -> None:
    assert await run("2>/dev/full", *CHAT, env=pointing_at(server)) == (0, b"Hello\n", b"")
    assert await run("2>/dev/full", "chat", " ", env=pointing_at(server)) == (2, b"", b"")
    assert await run(">/dev/full 2>&1", *CHAT, env=pointing_at(server)) == (1, b"", b"")


async def test_a_rehearsal_that_cannot_print_its_address_reports_that_and_no_other_fault() -> None:
    assert await run(">/dev/full", "rehearse", env=environment()) == (1, b"", NO_SPACE)


async def test_a_reader_that_leaves_ends_a_command_silently(tmp_path: Path) -> None:
    _, env, _ = local("config show", tmp_path)
    for reader in ("head -n 1 >/dev/null", "true"):
        ended = await run(f"| {reader}; echo", "config", "show", env=env)
        assert ended.err == b"", reader


async def test_a_pipe_that_another_program_made_non_blocking_loses_nothing(tmp_path: Path) -> None:
    _, env, _ = local("config show", tmp_path)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, b"-" * 65536)  # the pipe is full until the reader below reads this
        process = await asyncio.create_subprocess_exec(
            UNDERSTUDY, "config", "show", stdin=DEVNULL, stdout=writing, stderr=PIPE, env=env
        )
        os.close(writing)
        read = await asyncio.to_thread(pipe.read)
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert read.removeprefix(b"-" * 65536) == (await run("", "config", "show", env=env)).out


# Encodings


@pytest.mark.parametrize(
    ("narrow", "shown"),
    [
        ({"PYTHONIOENCODING": "latin-1"}, WIDE.encode("latin-1", "replace")),
        ({"PYTHONIOENCODING": "ascii"}, WIDE.encode("ascii", "replace")),
        (C_LOCALE, WIDE.encode("ascii", "replace")),
    ],
    ids=["latin-1", "ascii", "C locale"],
)
async def test_a_character_that_the_encoding_lacks_is_replaced(
    server: RehearsalServer, narrow: dict[str, str], shown: bytes
) -> None:
    """The model gets the message unchanged."""
    ended = await run("", "chat", WIDE, "--model", "echo", "--system", WIDE, env=pointing_at(server) | narrow)
    assert (ended.code, ended.out) == (0, shown + b"\n")
    assert mentions_no_code(ended.err)
    assert [message["content"] for message in server.requests[-1]["messages"]] == [WIDE, WIDE]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
async def test_a_tree_is_drawn_in_an_encoding_without_lines(encoding: str, tmp_path: Path) -> None:
    """The picture goes to stderr while the program runs. This program ends once it has seen the picture."""
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio, sys\n"
        "from actors import AsyncioSystemBase, receive, spawn_link\n"
        "async def ü(): await receive()\n"
        "async def main():\n"
        "    async with AsyncioSystemBase():\n"
        "        spawn_link(ü)\n"
        "        await asyncio.to_thread(sys.stdin.readline)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        UNDERSTUDY,
        "tree",
        "--every",
        "0.01",
        str(program),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=environment(PYTHONIOENCODING=encoding),
    )
    assert process.stderr is not None
    drawn = b""
    while b"Pid(2)" not in drawn:
        drawn += await process.stderr.read(1024)
    _, rest = await process.communicate(b"\n")
    assert process.returncode == 0
    assert mentions_no_code(drawn + rest)
    assert "ü".encode(encoding, "replace") + b" Pid(2)" in drawn
    assert (drawn + rest).decode(encoding)


async def test_an_argument_that_is_not_text_is_refused_in_one_line(server: RehearsalServer) -> None:
    for arguments in (("chat", b"h\xe9llo"), ("chat", "--system", b"h\xe9llo", "Hello"), ("steer", "s", b"h\xe9llo")):
        code, out, err = await run("", *arguments, env=pointing_at(server))
        assert (code, out) == (2, b"")
        [line] = err.splitlines()
        assert b"expected text in UTF-8, got b'h\\xe9llo'" in line
    assert server.requests == []


@pytest.mark.parametrize(
    ("env", "typed"),
    [({}, "hé".encode()), (C_LOCALE, "hé".encode()), ({"PYTHONIOENCODING": "latin-1"}, "hé".encode("latin-1"))],
    ids=["UTF-8", "C locale", "latin-1"],
)
async def test_the_lines_of_stdin_are_decoded_with_its_encoding(
    server: RehearsalServer, env: dict[str, str], typed: bytes
) -> None:
    ended = await run("", "chat", "--model", "echo", env=pointing_at(server) | env, stdin=typed)
    assert ended.code == 0
    assert server.requests[-1]["messages"][-1]["content"] == "hé"


async def test_an_undecodable_line_of_stdin_ends_the_conversation_and_is_not_sent(server: RehearsalServer) -> None:
    stdin = b"one\nh\xe9llo\nthree\n"
    code, out, err = await run("", "chat", "--model", "echo", env=pointing_at(server), stdin=stdin)
    assert (code, out) == (2, b"one\n")
    assert err.splitlines()[-1] == b"understudy: stdin, line 2: expected text in utf-8, got b'h\\xe9llo'"
    assert len(server.requests) == 1


async def test_a_stdin_that_cannot_be_read_is_one_line(server: RehearsalServer, tmp_path: Path) -> None:
    ended = await run(f"0>{tmp_path / 'out'}", "chat", "--model", "echo", env=pointing_at(server))
    assert ended == (2, b"", b"understudy: stdin: expected a file or a pipe to read, got: Bad file descriptor\n")

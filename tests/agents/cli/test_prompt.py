"""Commands at a terminal: a prompt, answers drawn live, Ctrl-C and Ctrl-D typed, a question before a deletion."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer, builtin
from agents.sessions import Store
from tests.agents.cli.terminal import UNDERSTUDY, environment, pointing_at
from tests.agents.sessions.keeping import begun

PROMPT = ">"
CTRL_C, CTRL_D = b"\x03", b"\x04"
SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|[=>])|\r")


class Screen:
    """The master's end of a pseudo-terminal, and the process on it."""

    def __init__(self, master: int, process: "subprocess.Popen[bytes]") -> None:
        self._master, self._process = master, process
        self._unread = ""

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    async def until(self, text: str) -> str:
        """Return the output up to and including text, without drawing sequences.

        The output after it is left for the next call.
        """
        while text not in (shown := SEQUENCE.sub("", self._unread)):
            chunk = await asyncio.to_thread(os.read, self._master, 4096)
            self._unread += chunk.decode(errors="replace")
        before, _, self._unread = shown.partition(text)
        return before + text

    async def raw_until(self, text: str) -> str:
        """Return all output up to and including text, as the terminal got it."""
        while text not in self._unread:
            chunk = await asyncio.to_thread(os.read, self._master, 4096)
            self._unread += chunk.decode(errors="replace")
        before, _, self._unread = self._unread.partition(text)
        return before + text

    async def code(self) -> int:
        """Return the exit code. Read the rest of the output, because a full terminal blocks the process."""
        with_end = asyncio.create_task(asyncio.to_thread(self._process.wait))
        while not with_end.done():
            try:
                await asyncio.to_thread(os.read, self._master, 4096)
            except OSError:  # the terminal's other end is closed
                break
        return await with_end


@contextmanager
def terminal(*arguments: str, env: dict[str, str]) -> Iterator[Screen]:
    """Run `understudy` within the block, with a pseudo-terminal of 80x24 as its controlling terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [UNDERSTUDY, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**env, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    try:
        yield Screen(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin()) as server:
        yield server


async def test_a_conversation_is_typed_and_answered_until_ctrl_d(server: RehearsalServer) -> None:
    with terminal("chat", "--model", "echo", env=pointing_at(server)) as screen:
        await screen.until(PROMPT)
        screen.type(b"to be\r")
        assert "first token" in await screen.until("tokens/s")
        await screen.until(PROMPT)
        screen.type(CTRL_D)
        assert await screen.code() == 0
    assert server.requests[0]["messages"][-1]["content"] == "to be"


async def test_a_conversation_names_its_model_and_has_commands(server: RehearsalServer) -> None:
    with terminal("chat", "--model", "echo", env=pointing_at(server)) as screen:
        banner = await screen.until(PROMPT)
        assert "echo, in this program" in banner
        assert "/help lists the commands; Ctrl-D or /exit leaves" in banner
        screen.type(b"/hepl\r")
        await screen.until("got '/hepl'; did you mean '/help'?")
        screen.type(b"/help\r")
        await screen.until("forget the conversation")
        screen.type(b"one\r")
        await screen.until("tokens/s")
        screen.type(b"/new\r")
        await screen.until("a new conversation")
        screen.type(b"/etc/hosts\r")
        await screen.until("tokens/s")
        screen.type(b"/exit\r")
        assert await screen.code() == 0
    sent = [[message["content"] for message in request["messages"]] for request in server.requests]
    assert sent == [["one"], ["/etc/hosts"]]


async def test_ctrl_c_cancels_the_turn_and_ends_the_program_at_the_prompt(server: RehearsalServer) -> None:
    with terminal("chat", "--model", "fault-stall", env=pointing_at(server)) as screen:
        await screen.until(PROMPT)
        screen.type(b"hello\r")
        await screen.until("This answer falls")
        screen.type(CTRL_C)
        await screen.until("understudy: cancelled")
        await screen.until(PROMPT)
        screen.type(CTRL_C)
        assert await screen.code() == 130


async def test_ctrl_c_at_a_fresh_prompt_drops_the_line_and_explains_how_to_end_the_chat(
    server: RehearsalServer,
) -> None:
    with terminal("chat", "--model", "echo", env=pointing_at(server)) as screen:
        await screen.until(PROMPT)
        screen.type(b"never sent" + CTRL_C)
        await screen.until("(Ctrl-C again or Ctrl-D ends the chat)")
        screen.type(CTRL_C)
        assert await screen.code() == 130
    assert server.requests == []


@pytest.mark.parametrize(("typed", "left"), [(b"n\r", 1), (b"\r", 1), (b"y\r", 0)])
async def test_a_session_is_deleted_only_after_a_yes(tmp_path: Path, typed: bytes, left: int) -> None:
    url = f"sqlite:///{tmp_path}/sessions.db"
    store = await Store.open(url)
    await store.claim()
    await store.write(begun("t", "first"))
    await store.close()
    with terminal("sessions", "delete", "first", "--store", url, env=environment()) as screen:
        await screen.until("Delete this session for ever? [y/N]:")
        screen.type(typed)
        assert await screen.code() == 0
    store = await Store.open(url)
    assert len(await store.sessions(limit=9)) == left
    await store.close()


async def test_the_lines_of_a_command_have_no_colours_if_no_color_is_set(server: RehearsalServer) -> None:
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)):
        with terminal("doctor", "--port", "0", env=pointing_at(server) | variables) as screen:
            assert ("\x1b[32m" in await screen.raw_until("python:")) == coloured

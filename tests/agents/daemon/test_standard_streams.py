"""A daemon that can't write its log, and commands that can't write their output."""

import asyncio
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from agents.client import Client
from agents.core.events import StreamComplete
from agents.rehearsal import RehearsalServer
from tests.agents.cli.terminal import environment
from tests.agents.daemon.daemons import UNDERSTUDY, Daemon, begun, daemon, listening

WIDE = "hüllo, 日本 😀"


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">/dev/full 2>&1"], ids=["closed", "on a full disk"])
async def test_a_daemon_serves_and_ends_in_order_without_any_readable_output(
    server: RehearsalServer, folder: Path, streams: str
) -> None:
    shell = ("sh", "-c", f'exec "$@" {streams}', "sh")
    process = await begun(server, folder, "--port", "0", "--set", "logging.level=debug", under=shell)
    try:
        await listening(folder)
        running = Daemon(process, folder, "")
        async with Client.found(folder) as client:
            await client.post("/agents", {"id": "a", "model": "echo"})
            events = [event async for event in client.ask("a", "Hello.")]
        assert isinstance(events[-1], StreamComplete)
        assert await running.stopped() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_daemon_continues_after_the_reader_of_its_log_has_left(server: RehearsalServer, folder: Path) -> None:
    reading, writing = os.pipe()
    command = (UNDERSTUDY, "serve", "--state-dir", str(folder), "--port", "0")
    keys = environment(OPENAI_BASE_URL=server.base_url, OPENAI_API_KEY="rehearsal-key")
    process = await asyncio.create_subprocess_exec(*command, stdout=writing, stderr=writing, env=keys)
    os.close(writing)
    os.close(reading)
    try:
        await listening(folder)
        async with Client.found(folder) as client:
            assert await client.get("/healthz")
        assert await Daemon(process, folder, "").stopped() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_commands_report_a_failed_write_in_one_line_and_replace_characters_that_an_encoding_lacks(
    server: RehearsalServer, folder: Path
) -> None:
    async def command(redirection: str, *arguments: str, **env: str) -> tuple[int | None, bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f'exec "$0" "$@" {redirection}', UNDERSTUDY, *arguments, "--state-dir", str(folder)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(**env),
        )
        out, err = await process.communicate()
        return process.returncode, out, err

    async with daemon(server, folder) as running, running.client() as client:
        await client.post("/agents", {"id": "a", "name": WIDE, "model": "echo"})
        events = [event async for event in client.ask("a", WIDE, stream_id="s")]
        assert isinstance(events[-1], StreamComplete)
        commands = (("ps",), ("tail", "s"), ("sessions", "export", "a"))
        for arguments in commands:
            full = await command(">/dev/full", *arguments)
            assert full == (1, b"", b"understudy: expected to write to stdout, got: No space left on device\n"), full
        for arguments in (("ps",), ("tail", "s")):
            code, out, err = await command("", *arguments, PYTHONIOENCODING="ascii")
            assert (code, WIDE.encode("ascii", "replace") in out, b"Traceback" in err) == (0, True, False), (out, err)
        assert (await command("<&- 2>&-", "chat", "Hello.", "--model", "echo")) == (0, b"Hello.\n", b"")
        assert await running.stopped() == 0

"""The way of a person from the terminal to the daemon's page: the address with its one-time code."""

import asyncio
import os
import pty
import re
from pathlib import Path

import aiohttp
import pytest

from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.cli.terminal import environment, pointing_at
from tests.agents.daemon.daemons import UNDERSTUDY, daemon

pytestmark = pytest.mark.timeout(180)

ADDRESS = re.compile(r"(http://\S+)/#code=([A-Za-z0-9_-]{43})")
BROWSER = """#!/bin/sh
printf '%s' "$1" > "$OPENED"
"""


async def login(url: str, code: str) -> int:
    async with aiohttp.ClientSession() as http, http.post(f"{url}/login", json={"code": code}) as response:
        return response.status


@pytest.fixture
def browser(tmp_path: Path) -> Path:
    """Return a program that writes its argument to the file in OPENED."""
    program = tmp_path / "browser"
    program.write_text(BROWSER)
    program.chmod(0o700)
    return program


async def test_open_gives_the_browser_an_address_whose_code_works_once(
    server: RehearsalServer, folder: Path, tmp_path: Path, browser: Path
) -> None:
    env = environment(BROWSER=str(browser), OPENED=str(tmp_path / "opened"))
    async with daemon(server, folder, "--set", "logging.level=debug") as running:
        assert await understudy("open", "--state-dir", str(folder), env=env) == (0, f"opened {running.url}\n", "")
        opened = ADDRESS.fullmatch((tmp_path / "opened").read_text())
        assert opened is not None
        assert opened[1] == running.url
        assert [await login(running.url, opened[2]) for _ in range(2)] == [200, 401]
        assert await running.stopped() == 0
        assert opened[2] not in await running.log_output()


@pytest.mark.parametrize("more", [("--print",), ()])
async def test_open_without_a_browser_prints_the_address(
    server: RehearsalServer, folder: Path, more: tuple[str, ...]
) -> None:
    env = environment(BROWSER="/nonexistent/browser", PATH=os.path.dirname(UNDERSTUDY), DISPLAY="", WAYLAND_DISPLAY="")
    async with daemon(server, folder) as running:
        code, out, err = await understudy("open", "--state-dir", str(folder), *more, env=env)
        found = ADDRESS.fullmatch(out.strip())
        assert (code, err) == (0, "")
        assert found is not None
        assert (found[1], await login(running.url, found[2])) == (running.url, 200)


async def test_open_without_a_daemon_is_one_line(folder: Path) -> None:
    code, out, err = await understudy("open", "--state-dir", str(folder))
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "understudy serve" in err


async def test_a_daemon_on_a_terminal_prints_the_address_and_its_log_does_not_have_it(
    server: RehearsalServer, folder: Path
) -> None:
    master, slave = pty.openpty()
    command = (UNDERSTUDY, "serve", "--state-dir", str(folder), "--port", "0", "--set", "logging.level=debug")
    env = pointing_at(server)
    process = await asyncio.create_subprocess_exec(*command, stdout=slave, stderr=asyncio.subprocess.PIPE, env=env)
    os.close(slave)
    try:
        printed = ""
        async with asyncio.timeout(60):
            while (found := ADDRESS.search(printed)) is None or not printed.endswith("\n"):
                printed += (await asyncio.to_thread(os.read, master, 4096)).decode()
        assert [await login(found[1], found[2]) for _ in range(2)] == [200, 401]
        process.terminate()
        _, log = await process.communicate()
        assert found[2] not in log.decode()
    finally:
        os.close(master)
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_daemon_without_a_terminal_prints_one_line_without_a_code(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder) as running:
        assert await running.stopped() == 0
        assert running.process.stdout is not None
        assert await running.process.stdout.read() == b""

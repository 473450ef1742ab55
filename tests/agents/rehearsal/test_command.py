"""The rehearsal server as an OS process of its own."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from agents.rehearsal import RehearsalServer, builtin

MINE = '[models.mine]\nturns = [{ steps = [{ text = "from my file" }] }]'
LINE = "rehearsal server on "


@asynccontextmanager
async def running(*arguments: str, **environment: str) -> AsyncIterator[Process]:
    """Run the process for the block, and end it in any case."""
    command = (sys.executable, "-m", "agents.rehearsal", *arguments)
    env = {**os.environ, **environment}
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=env)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def listening(process: Process) -> str:
    """Return the base URL from the one line that the process prints."""
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert line.startswith(LINE)
    return line.removeprefix(LINE).strip()


async def refusal(*arguments: str) -> list[str]:
    """Return the lines on stderr of a process that did not start."""
    async with running(*arguments) as process:
        out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    return err.decode().splitlines()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_a_process_serves_its_script_until_a_signal_ends_it(tmp_path: Path, ending: signal.Signals) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    arguments = ("--port", "0", "--script", str(tmp_path / "mine.toml"), "--api-key-env", "K")
    async with running(*arguments, K="secret") as process:
        async with AsyncOpenAI(base_url=await listening(process), api_key="secret") as client:
            assert (await client.responses.create(model="mine", input="hi")).output_text == "from my file"
        process.send_signal(ending)
        assert await process.communicate() == (b"", b"")
    assert process.returncode == 0


async def test_a_signal_ends_a_process_whose_streams_stall() -> None:
    async with running() as process, AsyncOpenAI(base_url=await listening(process), api_key="any") as client:
        stream = await client.responses.create(model="fault-stall", input="hi", stream=True)
        assert (await anext(aiter(stream))).type == "response.created"
        process.terminate()
        assert await process.communicate() == (b"", b"")
        await stream.close()
    assert process.returncode == 0


async def test_a_wrong_script_starts_nothing(tmp_path: Path) -> None:
    wrong, missing = tmp_path / "wrong.toml", tmp_path / "missing.toml"
    wrong.write_text('[models.a]\nturns = [{ steps = [{ fault = "explode" }] }]')
    first, second = await refusal("--script", str(wrong), "--script", str(missing))
    assert first.startswith(f"{wrong}: models.a.turns[0].steps[0].fault.name: expected ")
    assert second == f"{missing}: cannot be read: No such file or directory"


async def test_a_port_in_use_is_one_line() -> None:
    async with RehearsalServer(builtin()) as server:
        port = server.port
        assert await refusal("--port", str(port)) == [f"cannot listen on 127.0.0.1:{port}: Address already in use"]


async def test_a_key_that_is_not_set_is_one_line() -> None:
    assert await refusal("--api-key-env", "NOT_SET") == ["--api-key-env: the environment variable NOT_SET is not set"]

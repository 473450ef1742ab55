"""Ctrl-C cancels the turn; a second Ctrl-C ends the program."""

from collections.abc import AsyncIterator

import pytest

from agents.rehearsal import RehearsalServer, builtin
from tests.agents.cli.terminal import interrupt, pointing_at, read_until, started

STALLS = ("chat", "--model", "fault-stall")
HAS_COME = "This answer falls"


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin()) as server:
        yield server


async def test_the_first_cancels_a_stalled_turn_and_the_second_ends_the_program(server: RehearsalServer) -> None:
    async with started(*STALLS, env=pointing_at(server)) as process:
        assert process.stdin is not None
        process.stdin.write(b"hello\n")
        await read_until(process.stdout, HAS_COME)
        interrupt(process)
        await read_until(process.stderr, "understudy: cancelled\n")
        interrupt(process)
        assert await process.wait() == 130


async def test_after_a_cancelled_turn_the_conversation_continues(server: RehearsalServer) -> None:
    async with started(*STALLS, env=pointing_at(server)) as process:
        assert process.stdin is not None
        for message in (b"first\n", b"second\n"):
            process.stdin.write(message)
            await read_until(process.stdout, HAS_COME)
            interrupt(process)
            await read_until(process.stderr, "understudy: cancelled\n")
        process.stdin.close()
        assert await process.wait() == 0
    contents = [message["content"] for message in server.requests[-1]["messages"]]
    assert contents == ["first", HAS_COME, "second"]


async def test_one_shot_it_ends_the_program_with_130(server: RehearsalServer) -> None:
    async with started(*STALLS, "hello", env=pointing_at(server)) as process:
        await read_until(process.stdout, HAS_COME)
        interrupt(process)
        _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"understudy: cancelled\n")


async def test_sigterm_ends_the_program_in_mid_turn(server: RehearsalServer) -> None:
    async with started(*STALLS, "hello", env=pointing_at(server)) as process:
        await read_until(process.stdout, HAS_COME)
        process.terminate()
        _, err = await process.communicate()
    assert (process.returncode, err) == (143, b"")


async def test_two_at_once_end_the_program_in_order_and_silently(server: RehearsalServer) -> None:
    async with started(*STALLS, "hello", env=pointing_at(server)) as process:
        await read_until(process.stdout, HAS_COME)
        interrupt(process)
        interrupt(process)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert err in (b"", b"understudy: cancelled\n")

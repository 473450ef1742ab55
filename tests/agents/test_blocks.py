"""Blocks of the runtime that begin in one task and end in another: each ends and leaves nothing behind."""

import asyncio
import gc
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from actors import NoSystem, ended
from actors.system.current import current_system, open_systems
from agents import agent, application
from agents.cli.rehearsal_process import rehearsal
from agents.client import Client
from agents.gateway import serving
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import GatewaySettings, Settings, ToolSettings
from agents.tools.pool import WorkerPool
from supervisors.agent_supervisor import start_agent
from tests.actors.test_block import by_a_task_that_is_cancelled

AnyBlock = AbstractAsyncContextManager[Any]


async def no_app(scope: Any, receive: Any, send: Any) -> None:
    """A web application that gets no request."""


def settings(**more: Any) -> Settings:
    return Settings(tools=ToolSettings(workers=1), gateway=GatewaySettings(port=0), **more)


BLOCKS: dict[str, Callable[[], AnyBlock]] = {
    "application": lambda: application.running(settings()),
    "rehearsal server": lambda: RehearsalServer(builtin()),
    "rehearsal process": lambda: rehearsal(Path(application.__file__).parent / "cli" / "demo.toml"),
    "client": lambda: Client("http://127.0.0.1:9", "token"),
    "worker pool": lambda: WorkerPool(size=1),
    "gateway's server": lambda: serving(no_app, settings()),
}
Leave = Callable[[AnyBlock], Awaitable[None]]


async def by_another_task(block: AnyBlock) -> None:
    await asyncio.create_task(block.__aexit__(None, None, None))


async def by_an_exit_stack_of_another_task(block: AnyBlock) -> None:
    stack = AsyncExitStack()
    stack.push_async_exit(block)
    await asyncio.create_task(stack.aclose())


@pytest.mark.parametrize("leave", [by_another_task, by_an_exit_stack_of_another_task, by_a_task_that_is_cancelled])
@pytest.mark.parametrize("name", BLOCKS)
async def test_a_block_entered_in_one_task_and_left_in_another_leaves_nothing_open(name: str, leave: Leave) -> None:
    tasks, sockets = asyncio.all_tasks(), sockets_of_this_process()
    block = BLOCKS[name]()
    await asyncio.create_task(block.__aenter__())
    await leave(block)
    assert open_systems == []
    assert children() == []
    await asyncio.sleep(0)  # a transport that was closed gives its socket back in the next turn
    assert asyncio.all_tasks() == tasks
    assert sockets_of_this_process() <= sockets
    with pytest.raises(NoSystem):
        current_system()


async def test_an_application_of_one_cell_answers_in_the_next_and_ends_in_a_third() -> None:
    """Run three tasks, as a notebook does with its cells."""
    server = RehearsalServer(builtin())
    await asyncio.create_task(server.__aenter__())
    run = application.running(settings(base_url=server.base_url, api_key=SecretStr("rehearsal")))

    async def first_cell() -> None:
        await run.__aenter__()

    async def second_cell() -> str:
        return (await agent.chat(await start_agent({"model": "echo"}), "Hello")).content

    async def third_cell() -> None:
        await run.__aexit__(None, None, None)
        await server.__aexit__(None, None, None)

    await asyncio.create_task(first_cell())
    assert await asyncio.create_task(second_cell()) == "Hello"
    await asyncio.create_task(third_cell())
    assert open_systems == []


def test_an_application_that_no_code_leaves_ends_with_its_loop() -> None:
    kept = []

    async def main() -> None:
        kept.append(application.running(settings()))
        await kept[0].__aenter__()

    asyncio.run(main())
    assert open_systems == []
    assert children() == []


async def test_an_application_that_is_forgotten_ends_when_it_is_collected() -> None:
    block = application.running(settings())
    system = await block.__aenter__()
    del block
    gc.collect()
    await ended(system.root.pid)
    assert open_systems == []
    with pytest.raises(NoSystem):
        current_system()


async def test_a_stream_that_is_read_in_one_task_and_closed_in_another_leaves_no_mailbox() -> None:
    async with RehearsalServer(builtin()) as server:
        mine = settings(base_url=server.base_url, api_key=SecretStr("rehearsal"))
        async with application.running(mine) as system:
            pid = await start_agent({"model": "echo"})
            events = agent.stream(pid, "Hello")
            await asyncio.create_task(events.__anext__())
            await asyncio.create_task(events.aclose())
            mailboxes = [each for each in system.processes.values() if each.label == "mailbox"]
            assert [each for each in mailboxes if each.parent == system.root.pid] == []  # a turn has one of its own


async def test_a_client_that_another_task_left_has_no_connection() -> None:
    client = Client("http://127.0.0.1:9", "token")
    await asyncio.create_task(client.__aenter__())
    await by_another_task(client)
    with pytest.raises((RuntimeError, aiohttp.ClientError), match="closed"):
        await client.get("/healthz")


def children() -> list[int]:
    """Return the children of this OS process that have not been reaped."""
    me = os.getpid()
    return [int(pid) for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split()]


def sockets_of_this_process() -> set[str]:
    """Return the listening sockets, by their inode."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue
        if target.startswith("socket:") and _listens(int(descriptor.name)):
            found.add(target)
    return found


def _listens(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as copy:
        return copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1

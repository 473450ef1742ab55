"""Several nodes as one daemon: `serve --nodes`, with real nodes on SQLite."""

import asyncio
import os
import signal
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from agents.client import Client
from agents.core.events import Event, StreamComplete
from agents.node.state_files import address_in
from agents.rehearsal import RehearsalServer
from tests.agents.cli.forked import understudy
from tests.agents.daemon.daemons import Daemon, daemon, identities, refused
from tests.agents.daemon.test_life import drains, read_turn, running_turns
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(240)

BOTH = {"pair.1", "pair.2"}


def pids(running: Daemon) -> dict[str, int]:
    """Return the pid of each node, by its name."""
    found = {}
    for pid, _ in identities(running.process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        for word in words:
            if word.startswith("cluster.name=") and "--parent" in words:
                found[word.removeprefix("cluster.name=")] = pid
    return found


async def node_of(client: Client) -> str:
    """Return the node that serves the client's connection."""
    return str((await client.get("/config"))["cluster"]["name"])


async def a_client_of_each(running: Daemon, stack: AsyncExitStack) -> dict[str, Client]:
    """Return one client per node. The kernel chooses the node of each new connection."""
    found: dict[str, Client] = {}
    async with asyncio.timeout(60):
        while found.keys() != BOTH:
            client = await stack.enter_async_context(running.client())
            found.setdefault(await node_of(client), client)
    return found


def config(level: str, *agents: str) -> str:
    listed = ", ".join(f'[{{id, "{each}"}}, {{model, "echo"}}]' for each in agents)
    rest = f'{{cluster, [{{name, "pair"}}]}}, {{logging, [{{level, {level}}}]}}'
    return f"[{{understudy, [{{agents, [{listed}]}}, {rest}]}}]."


async def reloaded(clients: dict[str, Client], level: str) -> None:
    """Wait until all nodes have this level."""

    async def levels() -> set[str]:
        return {(await client.get("/config"))["logging"]["level"] for client in clients.values()}

    await eventually(levels, lambda found: found == {level}, what=f"the level {level} at all nodes")


async def turn(client: Client, agent_id: str, begun: asyncio.Event) -> Event:
    await client.post("/agents", {"id": agent_id, "model": "slow"})
    return await read_turn(client, agent_id, begun)


async def test_two_nodes_are_one_daemon_from_its_start_through_reloads_to_its_drain(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / "sys.config"
    file.write_text(config("info", "one"))
    async with daemon(server, folder, "--nodes", "2", "--config", str(file)) as running, AsyncExitStack() as stack:
        assert (folder / "lock").read_text().strip() == str(running.process.pid)
        address = address_in(folder)
        assert address is not None
        assert (address.url, address.process.split()[2]) == (running.url, str(running.process.pid))
        maps = Path(f"/proc/{running.process.pid}/maps").read_text()
        assert [each for each in ("_sqlite3", "aiohttp", "sqlalchemy", "uvloop") if each in maps] == []
        assert pids(running).keys() == BOTH

        clients = await a_client_of_each(running, stack)
        file.write_text(config("warning", "one", "two"))
        code, printed, _ = await understudy("reload", "--state-dir", str(folder))
        assert code == 0
        assert "applied: agents.two: is started" in printed
        await reloaded(clients, "warning")

        file.write_text(config("info", "one", "two"))
        running.signal(signal.SIGHUP)
        await reloaded(clients, "info")

        first_tokens = {name: asyncio.Event() for name in clients}
        turns = [asyncio.create_task(turn(each, f"of-{name}", first_tokens[name])) for name, each in clients.items()]
        for each in first_tokens.values():
            await each.wait()
        running.signal(signal.SIGTERM)
        assert all(isinstance(end, StreamComplete) for end in await asyncio.gather(*turns))
        assert await running.ended() == 0
        assert sorted(path.name for path in folder.iterdir()) == ["cluster.secret", "nodes", "sessions.db", "token"]
        log = await running.log_output()
        assert "outcome=rejected" not in log
        assert {f"on_node={name}" for name in BOTH} <= set(log.split())


async def test_a_second_signal_ends_the_parent_and_its_nodes_at_once(server: RehearsalServer, folder: Path) -> None:
    async with daemon(server, folder, "--nodes", "1") as running, running.client() as client:
        (begun,) = await running_turns(client, 1, "endless")
        running.signal(signal.SIGINT)
        await drains(client)
        running.signal(signal.SIGTERM)
        assert await running.ended() == 143
        assert not (folder / "daemon.json").exists()
        begun.cancel()


async def test_nodes_end_with_a_parent_that_is_killed_even_if_their_loop_is_held(
    server: RehearsalServer, folder: Path
) -> None:
    async with daemon(server, folder, "--nodes", "1") as running:
        (node,) = pids(running).values()
        os.kill(node, signal.SIGSTOP)
        running.signal(signal.SIGKILL)
        assert await running.ended() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--nodes", "x"), "--nodes: expected a number from 1 to 256, or auto, got 'x'"),
        (("--parent", "0"), "--parent: expected a socket of `understudy serve --nodes`, got descriptor 0"),
        (
            ("--nodes", "2", "--host", "0.0.0.0"),
            "expected a host that is loopback, got '0.0.0.0': set tls_certificate and tls_key, or allow_remote",
        ),
    ],
)
async def test_a_fault_is_one_line(
    server: RehearsalServer, folder: Path, arguments: tuple[str, ...], line: str
) -> None:
    code, err = await refused(server, folder, "--set", "logging.level=error", *arguments)
    assert (code, err) == (2, f"understudy: {line}\n")


async def test_a_port_that_another_program_listens_on_is_refused_also_if_it_would_share_it(
    server: RehearsalServer, folder: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as other:
        port = other.getsockname()[1]
        code, err = await refused(server, folder, "--nodes", "2", "--port", str(port))
    expected = f"another program listens on 127.0.0.1 port {port}: end it, or set gateway.port"
    assert (code, err) == (2, f"understudy: {expected}\n")


async def test_a_node_whose_name_is_in_use_is_refused_with_one_line(
    server: RehearsalServer, folder: Path, tmp_path: Path
) -> None:
    same = ("--set", f"sessions.url=sqlite:///{tmp_path}/shared.db", "--set", "logging.level=error")
    async with daemon(server, tmp_path / "other", *same, "--nodes", "1", "--set", "cluster.name=a"):
        code, err = await refused(server, folder, *same, "--nodes", "2", "--set", "cluster.name=a", "--port", "0")
    assert code == 2
    (line,) = [each for each in err.splitlines() if each.startswith("understudy: ")]  # the others are log events
    assert "expected a new name for this node, got 'a.1'" in line

"""The parent of several nodes, with small programs as nodes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.daemon.crew.crew import Crew, CrewEnded
from agents.daemon.crew.node_process import NodeProcess, Reporter
from agents.daemon.errors import CannotStart
from agents.daemon.outside import Foreground
from agents.daemon.state_dir import StateDir
from agents.node.state_files import address_in
from agents.settings import RestartLimits
from tests.agents.daemon.test_life import Listener
from tests.waiting import eventually

NODE = Path(__file__).with_name("node.py")
NEVER_SILENT_S = 600.0
LIMITS = RestartLimits(intensity=3, period=3600)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Restore the signals of this OS process: a parent ignores them at its end, since it exits then."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with Listener(tmp_path / "notify") as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "100000")
        yield listener


class RunningCrew:
    """A crew whose nodes follow a plan, by number. said: the lines for people."""

    def __init__(self, folder: Path, plans: tuple[str, ...], lease_s: float) -> None:
        self.folder, self.said = folder, list[str]()
        self.names = tuple(f"n.{number}" for number in range(1, len(plans) + 1))
        self._plans, self._lease_s = dict(zip(self.names, plans, strict=True)), lease_s

    def start(self, name: str, on_packet: Reporter) -> NodeProcess:
        command = (sys.executable, "-I", "-S", str(NODE), str(self.folder), self._plans[name], name)
        return NodeProcess(name, lambda descriptor: (*command, str(descriptor)), self._lease_s, on_packet)

    def lines(self, name: str, kind: str) -> list[str]:
        path = self.folder / f"{name}.{kind}"
        return path.read_text().splitlines() if path.exists() else []

    def pid(self, name: str) -> int:
        return int(self.lines(name, "pids")[-1])

    async def until(self, name: str, kind: str, count: int) -> None:
        """Wait until the file of the node has `count` lines."""
        await eventually(
            lambda: self.lines(name, kind), lambda lines: len(lines) >= count, what=f"{count} {kind} of {name}"
        )

    async def run(self, limits: RestartLimits = LIMITS) -> CrewEnded:
        """Run the crew. limits: until a reload, which finds LIMITS."""
        crew = Crew(self.names, self.start, limits, lambda: LIMITS)
        async with asyncio.timeout(60):
            return await crew.run(Foreground(StateDir(self.folder), self.said.append))


@asynccontextmanager
async def running(
    folder: Path, systemd: Listener, *plans: str, lease_s: float = NEVER_SILENT_S, limits: RestartLimits = LIMITS
) -> AsyncIterator[tuple[RunningCrew, asyncio.Task[CrewEnded]]]:
    """Run a crew within the block, from the moment that all its nodes listen. No node is left afterwards."""
    crew = RunningCrew(folder, plans, lease_s)
    task = asyncio.create_task(crew.run(limits))
    await systemd.until("READY=1")
    try:
        yield crew, task
    finally:
        if not task.done():
            raise_here(signal.SIGTERM)
        await task
    left = [pid for name in crew.names for pid in crew.lines(name, "pids") if Path(f"/proc/{pid}").exists()]
    assert left == []


def raise_here(number: int) -> None:
    os.kill(os.getpid(), number)


async def test_the_daemon_is_ready_when_all_nodes_listen_and_found_until_all_have_ended(
    tmp_path: Path, systemd: Listener
) -> None:
    async with running(tmp_path, systemd, "serve", "serve", "serve") as (crew, task):
        assert crew.said == ["understudy listens on http://127.0.0.1:1"]
        address = address_in(tmp_path)
        assert address is not None
        assert address.process.split()[2] == str(os.getpid())
        await systemd.until("WATCHDOG=1")
        raise_here(signal.SIGTERM)
        await systemd.until("STOPPING=1")
        assert await task == CrewEnded(0)
    assert address_in(tmp_path) is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_node_that_ends_is_restarted_and_the_others_stay(
    tmp_path: Path, systemd: Listener, number: signal.Signals
) -> None:
    async with running(tmp_path, systemd, "serve", "serve") as (crew, _):
        os.kill(crew.pid("n.2"), number)
        await crew.until("n.2", "pids", 2)
        assert len(crew.lines("n.1", "pids")) == 1


async def test_a_node_that_answers_no_ping_is_killed_and_restarted(tmp_path: Path, systemd: Listener) -> None:
    async with running(tmp_path, systemd, "serve", "serve", lease_s=3.0) as (crew, _):
        os.kill(crew.pid("n.1"), signal.SIGSTOP)
        await crew.until("n.1", "pids", 2)


async def test_more_restarts_than_the_limit_end_all_with_the_code_of_the_last_failure(
    tmp_path: Path, systemd: Listener
) -> None:
    async with running(tmp_path, systemd, "serve", "3,7,3,9") as (crew, task):
        verdict = await task
        assert verdict.code == 9
        assert verdict.lines == (
            "the nodes end too often, more than 3 restarts within 3600 s: the last one, n.2, ended with code 9",
        )
        assert len(crew.lines("n.2", "pids")) == 4


async def test_a_node_that_refuses_at_the_start_ends_all_with_its_line_and_code(tmp_path: Path) -> None:
    crew = RunningCrew(tmp_path, ("serve", "no", "serve"), NEVER_SILENT_S)
    assert await crew.run() == CrewEnded(2, ("n.2 refuses",))
    assert crew.said == []


async def test_an_address_that_can_not_be_published_ends_all(tmp_path: Path) -> None:
    (tmp_path / ".daemon.json").mkdir()
    crew = RunningCrew(tmp_path, ("serve", "serve"), NEVER_SILENT_S)
    with pytest.raises(CannotStart, match=r"^\S+/daemon.json can't be written: Is a directory$"):
        await crew.run()
    assert [pid for name in crew.names for pid in crew.lines(name, "pids") if Path(f"/proc/{pid}").exists()] == []


async def test_a_node_that_ends_before_it_listens_ends_a_crew_that_starts(tmp_path: Path) -> None:
    crew = RunningCrew(tmp_path, ("serve", "-3"), NEVER_SILENT_S)
    assert await crew.run() == CrewEnded(3, ("the node n.2 ended with code 3 before it listened",))


async def test_the_first_node_listens_before_the_others_start(tmp_path: Path) -> None:
    crew = RunningCrew(tmp_path, ("no", "serve", "serve"), NEVER_SILENT_S)
    assert await crew.run() == CrewEnded(2, ("n.1 refuses",))
    assert crew.lines("n.2", "pids") == []


async def test_a_restarted_node_that_refuses_is_tried_again_beyond_the_limit_of_restarts(
    tmp_path: Path, systemd: Listener
) -> None:
    limits = RestartLimits(intensity=1, period=3600)
    async with running(tmp_path, systemd, "serve", "serve,no,no,no,serve", limits=limits) as (crew, _):
        os.kill(crew.pid("n.2"), signal.SIGKILL)
        await crew.until("n.2", "pids", 5)


async def test_the_reasons_of_the_last_failure_are_reported(tmp_path: Path, systemd: Listener) -> None:
    limits = RestartLimits(intensity=0, period=3600)
    async with running(tmp_path, systemd, "serve", "reason", limits=limits) as (_, task):
        (tmp_path / "go").touch()  # not before the crew is ready, since one that ends at once never is
        ended = await task
        assert ended.code == 1
        assert ended.lines[1:] == ("its application has ended",)


async def test_a_node_that_was_fenced_while_it_started_is_started_again(tmp_path: Path, systemd: Listener) -> None:
    async with running(tmp_path, systemd, "serve", "-75,serve") as (crew, _):
        assert len(crew.lines("n.2", "pids")) == 2


async def test_a_reload_reaches_all_nodes_and_systemd_hears_of_its_end(tmp_path: Path, systemd: Listener) -> None:
    async with running(tmp_path, systemd, "serve", "serve") as (crew, _):
        raise_here(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in await systemd.until("RELOADING=1")
        await systemd.until("READY=1")
        assert [len(crew.lines(name, "reloads")) for name in crew.names] == [1, 1]
        os.kill(crew.pid("n.1"), signal.SIGUSR2)
        await crew.until("n.2", "reloads", 2)
        assert len(crew.lines("n.1", "reloads")) == 1


async def test_a_reload_changes_the_limit_of_restarts(tmp_path: Path, systemd: Listener) -> None:
    async with running(tmp_path, systemd, "serve", limits=RestartLimits(intensity=0)) as (crew, _):
        raise_here(signal.SIGHUP)
        await crew.until("n.1", "reloads", 1)
        os.kill(crew.pid("n.1"), signal.SIGKILL)
        await crew.until("n.1", "pids", 2)


async def test_a_node_that_starts_during_a_reload_reads_the_configuration_again(
    tmp_path: Path, systemd: Listener
) -> None:
    async with running(tmp_path, systemd, "serve", "serve,late") as (crew, _):
        os.kill(crew.pid("n.2"), signal.SIGKILL)
        await crew.until("n.2", "pids", 2)
        raise_here(signal.SIGHUP)
        await crew.until("n.1", "reloads", 1)
        (tmp_path / "go").touch()
        await crew.until("n.2", "reloads", 1)


async def test_a_client_stops_all_nodes_through_one(tmp_path: Path, systemd: Listener) -> None:
    async with running(tmp_path, systemd, "serve", "serve") as (crew, task):
        os.kill(crew.pid("n.2"), signal.SIGUSR1)
        assert await task == CrewEnded(0)

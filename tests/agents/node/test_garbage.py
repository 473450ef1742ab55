"""The policy for Python's garbage collector: set while an application runs, with bounded memory, and then restored."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Iterator

import pytest

import actors
from actors import KILL, TIMEOUT, AsyncioSystemBase, Mailbox, Pid, ended, get_state, send
from actors.server.server_process import ServerProcess
from agents import application
from agents.node.garbage import LEAST_GROWTH_WHEN_BUSY, SLICE, THRESHOLDS, GarbagePolicy, policy, uncollected
from agents.rehearsal import builtin
from agents.settings import GarbageCollection, Settings, ToolSettings
from agents.testing.stage import simulated_stage
from supervisors.agent_supervisor import start_agent, stop_agent
from supervisors.api import which_children

HOST = (701, 11, 12)


class Link:
    """An object that refers to itself, so that only the garbage collector frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def host() -> Iterator[None]:
    """Give the host settings of its own. At the end, the test run's settings are as before, and its modules frozen."""
    before, on, frozen = gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()
    gc.unfreeze()  # the test run has frozen its modules
    gc.set_threshold(*HOST)
    gc.enable()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)
    if frozen:
        gc.freeze()
    (gc.enable if on else gc.disable)()


@pytest.fixture
async def holders() -> AsyncIterator[tuple[Pid, Pid]]:
    async with AsyncioSystemBase(), Mailbox() as one, Mailbox() as other:
        yield one.pid, other.pid


def settings(policy: GarbageCollection = GarbageCollection.SLICED) -> Settings:
    return Settings(tools=ToolSettings(workers=1), garbage_collection=policy)


async def collector() -> Pid:
    (pid,) = [child.pid for child in await which_children(application.NAME) if child.id == "garbage_collector"]
    assert isinstance(pid, Pid)
    return pid


def garbage() -> "weakref.ref[Link]":
    return weakref.ref(Link())


def in_a_cycle(pid: Pid) -> "weakref.ref[object]":
    """Let a server refer to itself, so that only the garbage collector frees it."""
    assert isinstance(pid.process, ServerProcess)
    server = pid.process.server
    vars(server)["itself"] = server
    return weakref.ref(server)


def grown(by: int = SLICE) -> list[list[int]]:
    """Return new objects that live, enough of them for a slice."""
    return [[] for _ in range(by + THRESHOLDS[0])]


async def test_an_application_sets_the_policy_and_its_end_restores_the_hosts_settings() -> None:
    async with application.running(settings()):
        assert gc.get_threshold() == THRESHOLDS
        send(await collector(), TIMEOUT)
        await get_state(await collector())
        assert gc.get_freeze_count() > 0
    assert (gc.get_threshold(), gc.isenabled(), gc.get_freeze_count()) == (HOST, True, 0)


async def test_of_two_applications_the_first_sets_the_policy_and_the_last_restores_it() -> None:
    def run_another() -> None:
        asyncio.run(hold())

    async def hold() -> None:
        async with application.running(settings()):
            begun.set()
            await asyncio.to_thread(over.wait)

    begun, over = threading.Event(), threading.Event()
    other = asyncio.create_task(asyncio.to_thread(run_another))
    async with application.running(settings()):
        await asyncio.to_thread(begun.wait)
    assert gc.get_threshold() == THRESHOLDS
    over.set()
    await other
    assert gc.get_threshold() == HOST


async def test_a_host_that_disabled_the_collector_keeps_it_disabled_and_its_settings() -> None:
    gc.disable()
    async with application.running(settings()):
        assert not gc.isenabled()
        assert gc.get_threshold() == HOST
        send(await collector(), TIMEOUT)
        await get_state(await collector())
        assert gc.get_freeze_count() == 0
    assert not gc.isenabled()


async def test_objects_that_the_host_froze_stay_frozen() -> None:
    gc.freeze()
    frozen = gc.get_freeze_count()
    async with application.running(settings()):
        send(await collector(), TIMEOUT)
        await get_state(await collector())
    assert frozen * 0.9 < gc.get_freeze_count() <= frozen  # some of them end


async def test_objects_that_the_host_freezes_after_the_start_stay_frozen() -> None:
    async with application.running(settings()):
        gc.freeze()
        frozen = gc.get_freeze_count()
        send(await collector(), TIMEOUT)
        await get_state(await collector())
    assert frozen * 0.9 < gc.get_freeze_count() <= frozen  # some of them end


async def test_thresholds_that_the_host_sets_meanwhile_stay() -> None:
    async with application.running(settings()):
        gc.set_threshold(702, 11, 12)
    assert gc.get_threshold() == (702, 11, 12)


async def test_a_host_may_keep_its_own_settings() -> None:
    async with application.running(settings(GarbageCollection.UNCHANGED)):
        assert gc.get_threshold() == HOST
        assert "garbage_collector" not in [child.id for child in await which_children(application.NAME)]


def test_a_simulation_keeps_the_hosts_settings() -> None:
    with simulated_stage(builtin(), Settings()) as stage:
        stage.run(asyncio.sleep(60))
        assert gc.get_threshold() == HOST


async def test_a_killed_collector_is_restarted_and_the_settings_are_restored_at_the_end() -> None:
    async with application.running(settings()):
        killed = await collector()
        actors.exit(killed, KILL)
        await ended(killed)
        assert await collector() != killed
        assert gc.get_threshold() == THRESHOLDS
    assert gc.get_threshold() == HOST


async def test_an_ended_agent_that_was_frozen_is_freed() -> None:
    async with application.running(settings()):
        pid = await start_agent({"id": "ada", "model": "echo", "api_key": "none"})
        agent = in_a_cycle(pid)
        send(await collector(), TIMEOUT)
        await get_state(await collector())
        await stop_agent("ada")
        kept = grown()
        send(await collector(), TIMEOUT)
        await get_state(await collector())
        assert agent() is None
        assert kept


async def test_only_the_first_holder_collects_until_it_ends(holders: tuple[Pid, Pid]) -> None:
    one, other = holders
    policy = GarbagePolicy()
    policy.hold(one)
    policy.hold(other)
    policy.look(other, idle=True)
    assert gc.get_freeze_count() == 0
    policy.release(one)
    policy.look(other, idle=True)
    assert gc.get_freeze_count() > 0
    policy.release(other)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (HOST, 0)


@pytest.mark.parametrize("idle", [True, False])
async def test_garbage_since_the_last_slice_is_freed_by_the_next_one(holders: tuple[Pid, Pid], idle: bool) -> None:
    policy = GarbagePolicy()
    policy.hold(holders[0])
    policy.look(holders[0], idle=idle)
    lost, kept = garbage(), grown()
    policy.look(holders[0], idle=idle)
    assert lost() is None
    assert kept


async def test_frozen_garbage_is_freed_at_an_idle_moment_after_some_growth(holders: tuple[Pid, Pid]) -> None:
    policy = GarbagePolicy()
    policy.hold(holders[0])
    lost = garbage()
    policy.look(holders[0], idle=True)
    assert lost() is not None
    kept = grown()
    policy.look(holders[0], idle=True)
    assert lost() is None
    assert kept


async def test_frozen_garbage_is_freed_in_the_end_if_no_moment_is_idle(holders: tuple[Pid, Pid]) -> None:
    policy = GarbagePolicy()
    policy.hold(holders[0])
    lost, kept = garbage(), []
    policy.look(holders[0], idle=False)
    while lost() is not None:
        kept.append(grown())
        policy.look(holders[0], idle=False)
        assert sum(map(len, kept)) < LEAST_GROWTH_WHEN_BUSY * 3
    assert len(kept) > 1


def test_a_block_without_collections_ends_with_all_objects_in_the_oldest_generation() -> None:
    with uncollected():
        assert not gc.isenabled()
        new = grown()
    assert gc.isenabled()
    assert gc.get_count()[0] < len(new)
    assert gc.get_freeze_count() == 0


async def test_an_application_that_starts_within_a_pause_sets_the_policy(holders: tuple[Pid, Pid]) -> None:
    holder, _ = holders
    with uncollected():
        policy.hold(holder)
        assert not gc.isenabled()
    assert (gc.get_threshold(), gc.isenabled()) == (THRESHOLDS, True)
    policy.release(holder)
    assert gc.get_threshold() == HOST

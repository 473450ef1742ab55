"""A whole tree under kills, in an order and at moments drawn from a seed, and the laws that hold afterwards."""

import asyncio
import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import KILL, AsyncioSystemBase, Mailbox, ended, processes, spawn
from actors import exit as send_exit
from actors.testing import Simulation
from supervisors import (
    ChildSpec,
    DynamicFlags,
    DynamicSupervisor,
    Flags,
    RestartType,
    Strategy,
    Supervisor,
    start_supervisor,
    which_children,
)
from supervisors import dynamic_supervisor as dynamic
from supervisors.tree import Node, tree
from tests.supervisors.troupe import Worker, pids

FOREVER = 10**6
NAMES = ("a", "b", "c")


class Stubborn(Worker):
    """A server whose terminate never returns, so its supervisor kills it after five seconds."""

    trap_exit = True

    async def terminate(self, reason: Any, state: tuple[Any, ...]) -> None:
        await asyncio.get_running_loop().create_future()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(f"understudy.{name}") for name in ("actors", "supervisors")]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    yield
    for logger in loggers:
        logger.setLevel(logging.NOTSET)


def theatre(strategy: Strategy) -> list[ChildSpec]:
    inner = Flags(strategy, FOREVER), tuple(ChildSpec(name, Worker, name=f"inner {name}") for name in NAMES)
    crew = DynamicFlags(intensity=FOREVER), ChildSpec("hand", Worker, restart=RestartType.PERMANENT)
    return [
        ChildSpec("stubborn", Stubborn),
        ChildSpec("inner", Supervisor, *inner),
        ChildSpec("crew", DynamicSupervisor, *crew, name="crew"),
    ]


async def attack(chance: Random, spared: set[Any]) -> None:
    """Kill random processes, at random times."""
    for _ in range(chance.randrange(1, 12)):
        await asyncio.sleep(chance.choice((0, 0, 0.5, 7)))
        victims = [pid for pid in processes() if pid not in spared]
        if victims:
            send_exit(chance.choice(victims), KILL)


async def survives(strategy: Strategy, chance: Random) -> None:
    async with AsyncioSystemBase() as system, Mailbox() as box:
        top = await start_supervisor(Flags(strategy, FOREVER), theatre(strategy))
        for _ in range(3):
            await dynamic.start_child("crew")
        spared = {system.root.pid, box.pid, top}
        attackers = [spawn(attack, chance, spared) for _ in range(3)]
        for attacker in attackers:
            await ended(attacker)
        await asyncio.sleep(60)
        children = await pids(top)
        assert list(children) == ["stubborn", "inner", "crew"]
        inner = await pids(children["inner"])
        assert list(inner) == list(NAMES)
        assert all(pid.alive for pid in (*children.values(), *inner.values()))
        if strategy == Strategy.REST_FOR_ONE:  # nobody is older than those it relies on
            assert list(inner.values()) == sorted(inner.values(), key=lambda pid: pid.number)
        supervised = {*inner.values(), *children.values(), *(c.pid for c in await which_children("crew"))}
        assert set(processes()) == {*supervised, system.root.pid, box.pid, top}
        assert count(tree()) == len(processes())
    assert system.processes == {}


def count(node: Node) -> int:
    return (node.process is not None) + sum(map(count, node.children))


@pytest.mark.parametrize("strategy", Strategy)
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_a_tree_that_may_restart_for_ever_is_whole_again_after_any_attack(strategy: Strategy, seed: int) -> None:
    with Simulation(seed) as simulation:
        simulation.run(survives(strategy, simulation.random))

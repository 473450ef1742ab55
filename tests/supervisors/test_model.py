"""After any script of starts, ends and requests a supervisor is in the state of a plain model of OTP's rules.

The model has no processes: a list of children, the rules of the table in the manual, and a count of restarts.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors import KILL, NORMAL, SHUTDOWN, AsyncioSystemBase, Mailbox, Pid, Shutdown
from actors import exit as send_exit
from actors.testing import Simulation
from supervisors import (
    ChildSpec,
    Flags,
    RestartType,
    Strategy,
    SupervisorError,
    delete_child,
    restart_child,
    start_child,
    start_supervisor,
    terminate_child,
)
from tests.supervisors.troupe import Worker, end, exit_reason, pids

IDS = "abcd"
REASONS: list[Any] = [NORMAL, SHUTDOWN, Shutdown("why"), KILL, "boom"]
Step = tuple[str, str, Any]

steps = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(IDS), st.sampled_from(RestartType)),
    st.tuples(st.just("end"), st.sampled_from(IDS), st.sampled_from(REASONS)),
    st.tuples(st.sampled_from(["terminate", "restart", "delete"]), st.sampled_from(IDS), st.none()),
)


@dataclass
class Model:
    """The model. children: id -> [restart type, number of starts, or None if it does not run]."""

    strategy: Strategy
    intensity: int
    alive: bool = True
    restart_types: dict[str, RestartType] = field(default_factory=dict)
    running: dict[str, int | None] = field(default_factory=dict)
    starts: int = 0

    def start(self, child: str) -> None:
        self.starts += 1
        self.running[child] = self.starts

    def stop(self, child: str) -> None:
        self.running[child] = None
        if self.restart_types[child] == RestartType.TEMPORARY:
            del self.running[child], self.restart_types[child]

    def step(self, verb: str, child: str, detail: Any) -> str:
        known, runs = child in self.running, self.running.get(child) is not None
        match verb:
            case "start" if runs:
                return "AlreadyStarted"
            case "start" if known:
                return "AlreadyPresent"
            case "start":
                self.restart_types[child] = detail
                self.start(child)
            case "end" if runs:
                self.ended(child, detail)
            case "end":
                pass
            case _ if not known:
                return "NotFound"
            case "terminate":
                self.stop(child)
            case _ if runs:
                return "Running"
            case "restart":
                self.start(child)
            case "delete":
                del self.running[child], self.restart_types[child]
        return "ok"

    def ended(self, child: str, reason: Any) -> None:
        abnormal = reason in (KILL, "boom")
        restart_type = self.restart_types[child]
        self.stop(child)
        if restart_type == RestartType.TEMPORARY or (restart_type == RestartType.TRANSIENT and not abnormal):
            return
        self.intensity -= 1
        if self.intensity < 0:
            self.alive = False
            return
        order = list(self.running)
        first = {Strategy.ONE_FOR_ALL: 0}.get(self.strategy, order.index(child))
        group = [child] if self.strategy == Strategy.ONE_FOR_ONE else order[first:]
        for other in group:
            self.stop(other)
        for other in group:
            if other in self.running:
                self.start(other)


async def carry_out(supervisor: Pid, verb: str, child: str, detail: Any) -> str:
    """Carry out the step on a real supervisor. Return "ok" or the error's name."""
    try:
        match verb:
            case "start":
                await start_child(supervisor, ChildSpec(child, Worker, restart=detail))
            case "end":
                pid = (await pids(supervisor)).get(child)
                if pid is not None:
                    send_exit(pid, KILL) if detail is KILL else await end(pid, detail)
            case "terminate":
                await terminate_child(supervisor, child)
            case "restart":
                await restart_child(supervisor, child)
            case _:
                await delete_child(supervisor, child)
    except SupervisorError as error:
        return type(error).__name__
    return "ok"


async def compare(script: list[Step], strategy: Strategy, intensity: int) -> None:
    model = Model(strategy, intensity)
    seen: dict[Pid, int] = {}
    async with AsyncioSystemBase(), Mailbox() as box:
        supervisor = await start_supervisor(Flags(strategy, intensity, 3600), [])
        for step in script:
            expected = model.step(*step)
            assert await carry_out(supervisor, *step) == expected
            if not model.alive:
                assert await exit_reason(box, supervisor) is SHUTDOWN
                return
            children = await pids(supervisor)
            assert list(children) == list(model.running)
            for pid, start in zip(children.values(), model.running.values(), strict=True):
                assert (pid is None) is (start is None)
                if start is not None:  # the same process as long as the model knows of no new start
                    assert seen.setdefault(pid, start) == start


@pytest.mark.parametrize("strategy", Strategy)
@settings(max_examples=60)
@given(script=st.lists(steps, max_size=25), intensity=st.integers(0, 6), seed=st.integers(0, 999))
def test_a_supervisor_does_what_the_model_says_in_any_order_of_events(
    script: list[Step], strategy: Strategy, intensity: int, seed: int
) -> None:
    logging.getLogger("understudy.supervisors").setLevel(logging.CRITICAL)
    try:
        with Simulation(seed) as simulation:
            simulation.run(compare(script, strategy, intensity))
    finally:
        logging.getLogger("understudy.supervisors").setLevel(logging.NOTSET)

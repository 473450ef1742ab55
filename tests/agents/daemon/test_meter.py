"""The meter's metrics: their sources, and the form in which /metrics shows them."""

import logging
from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest

from actors import AsyncioSystemBase, GenServer, NoReply, Pid, ended, get_state, send
from agents.core.charge import Charge
from agents.core.deltas import Usage
from agents.core.stream_metrics import StreamMetrics
from agents.daemon.meter import METER, Counts
from agents.streams.report import ToolCalled, TurnEnded
from agents.telemetry.measurements import MAX_PAYERS, MAX_TOOLS, OTHER
from agents.telemetry.meter import Meter
from supervisors import ChildSpec, Flags, start_supervisor
from supervisors.api import count_children, which_children


class Fragile(GenServer[None]):
    def init(self) -> None:
        return None

    def handle_info(self, message: object, state: None) -> NoReply[None]:
        raise ValueError(message)


@pytest.fixture
def without_log() -> Iterator[None]:
    """Switch all log events off."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("without_log")
async def test_crashes_are_counted_by_supervisor_without_the_log() -> None:
    counts = Counts()
    async with AsyncioSystemBase():
        await start_supervisor(Flags(), (ChildSpec("meter", Meter, counts, name=METER),), name="daemon")
        specs = (ChildSpec("first", Fragile), ChildSpec("second", Fragile))
        theatre = await start_supervisor(Flags(intensity=9), specs, name="theatre")
        for child in await which_children(theatre):
            assert isinstance(child.pid, Pid)
            send(child.pid, "crash")
            await ended(child.pid)
        await count_children(theatre)  # the answer follows the reports of both crashes
        await get_state(METER)
    assert counts.registry.get_sample_value("understudy_crashes_total", {"supervisor": "theatre"}) == 2


def test_a_turn_is_counted_with_its_tokens_calls_and_durations() -> None:
    counts = Counts()
    counts.add_turn(turn(ToolCalled("calculator", None, 0.02), ToolCalled("calculator", "timeout", 40.0)))
    shown = generate_latest(counts.registry).decode().splitlines()
    for sample in (
        'understudy_turns_total{outcome="complete"} 1.0',
        'understudy_tokens_total{kind="input"} 3.0',
        'understudy_tokens_total{kind="cached"} 2.0',
        'understudy_tokens_total{kind="streamed"} 2.0',
        "understudy_model_calls_total 2.0",
        "understudy_model_retries_total 1.0",
        'understudy_turn_seconds_bucket{le="1.0"} 0.0',
        'understudy_turn_seconds_bucket{le="2.5"} 1.0',
        'understudy_turn_seconds_bucket{le="+Inf"} 1.0',
        "understudy_turn_seconds_sum 1.5",
        "understudy_first_token_seconds_count 1.0",
        'understudy_tool_calls_total{outcome="timeout",tool="calculator"} 1.0',
        'understudy_tool_seconds_bucket{le="0.025",tool="calculator"} 1.0',
        'understudy_tool_seconds_count{tool="calculator"} 2.0',
    ):
        assert sample in shown
    assert not [line for line in shown if "_created" in line]


def test_tool_names_beyond_the_limit_are_counted_as_one() -> None:
    counts = Counts()
    counts.add_turn(turn(*(ToolCalled(f"tool{number}", None, 0.1) for number in range(MAX_TOOLS + 3))))
    value = counts.registry.get_sample_value
    assert value("understudy_tool_calls_total", {"tool": OTHER, "outcome": "complete"}) == 3
    assert value("understudy_tool_calls_total", {"tool": f"tool{MAX_TOOLS}", "outcome": "complete"}) is None


def test_tokens_and_cost_are_counted_by_owner_agent_and_model_up_to_a_limit() -> None:
    counts = Counts()
    charges = Charge("m", 10, 4, cost=0.5), Charge("m", 20, 6, cost=0.25), Charge("free", 1, 1)
    counts.add_turn(replace(turn(), charges=charges, owner="ann", agent="clerk"))
    value, labels = counts.registry.get_sample_value, {"owner": "ann", "agent": "clerk", "model": "m"}
    assert value("understudy_spent_cost_total", labels) == 0.75
    assert value("understudy_spent_tokens_total", {**labels, "kind": "input"}) == 30
    assert value("understudy_spent_tokens_total", {**labels, "kind": "output"}) == 10
    for number in range(MAX_PAYERS):
        counts.add_turn(replace(turn(), charges=charges[:1], owner=f"user{number}", agent="clerk"))
    assert value("understudy_spent_cost_total", {"owner": OTHER, "agent": OTHER, "model": OTHER}) == 0.5 * 2


def turn(*tools: ToolCalled) -> TurnEnded:
    metrics = StreamMetrics(1500.0, 80.0, 2, 8, 1.3, 5.3, 2, 40.0)
    return TurnEnded(None, metrics, Usage(input_tokens=3, output_tokens=5, cached_tokens=2), 2, 1, tools)

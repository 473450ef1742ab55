"""Laws of a tool's policy: an invalid option is refused where the tool is defined, in one line."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tools.errors import InvalidTool
from agents.tools.policy import Options, Policy
from agents.tools.progress import BURST, PER_SECOND, Reports
from agents.tools.retry import LONGEST_PAUSE_S, pause_s
from agents.tools.tool import tool


def works(a: int) -> int:
    return a


async def waits(a: int) -> int:
    return a


async def asks(a: int) -> bool:
    return bool(a)


def test_every_option_of_the_policy_is_a_keyword_of_the_decorator() -> None:
    assert [field.name for field in dataclasses.fields(Policy)] == list(Options.__annotations__)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"timeout_s": True}, "timeout_s: expected a number of seconds above 0, got True"),
        ({"timeout_s": "5"}, "timeout_s: expected a number of seconds above 0, got '5'"),
        ({"retries": -1}, "retries: expected 0 or more, got -1"),
        ({"retries": 1.5}, "retries: expected 0 or more, got 1.5"),
        ({"backoff_s": 0}, "backoff_s: expected a number of seconds above 0, got 0"),
        ({"approval_timeout_s": float("inf")}, "approval_timeout_s: expected a number of seconds above 0, got inf"),
        ({"idempotent": "yes"}, "idempotent: expected True or False, got 'yes'"),
        ({"parallel": 0}, "parallel: expected True or False, got 0"),
        ({"eager": None}, "eager: expected True or False, got None"),
        ({"restart": "permanent"}, "restart: expected temporary or transient, got 'permanent'"),
        ({"isolation": "vm"}, "isolation: expected process, task or thread, got 'vm'"),
        ({"requires_approval": "ask"}, "requires_approval: expected True, False, or a def"),
        ({"requires_approval": asks}, "requires_approval: expected True, False, or a def"),
        ({"fallback": 1j}, "fallback: expected plain JSON data, got 1j"),
        ({"max_output_bytes": 0}, "max_output_bytes: expected 1 to 1048576, got 0"),
        ({"max_output_bytes": 2**21}, "max_output_bytes: expected 1 to 1048576, got 2097152"),
        ({"cpu_s": 0.5}, "cpu_s: expected a whole number, 1 or more, got 0.5"),
        ({"memory_bytes": 0}, "memory_bytes: expected a whole number, 1 or more, got 0"),
        ({"open_files": -1}, "open_files: expected a whole number, 0 or more, got -1"),
        ({"retries": 1}, "retries: expected 0 unless idempotent=True"),
        ({"restart": "transient"}, "restart: expected temporary unless idempotent=True"),
        ({"eager": True}, "eager: expected False unless idempotent=True"),
        (
            {"eager": True, "idempotent": True, "requires_approval": True},
            "eager: expected False where approval is required, got True",
        ),
        ({"isolation": "thread", "cpu_s": 1}, 'cpu_s: expected None unless isolation is "process", got 1'),
        ({"retry": 3}, "expected name, description, timeout_s, "),
    ],
)
def test_an_invalid_policy_is_refused_where_it_is_defined(options: Any, fault: str) -> None:
    with pytest.raises(InvalidTool) as caught:
        tool(**options)(works)
    assert len(caught.value.faults) == 1
    assert f"works: {fault}" in str(caught.value)
    assert "test_policy.py:" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ("timeout", "got timeout; did you mean 'timeout_s'?"),
        ("isolaton", "got isolaton; did you mean 'isolation'?"),
        ("descripton", "got descripton; did you mean 'description'?"),
        ("zzz", "got zzz"),
    ],
)
def test_a_misspelled_option_names_the_option_that_is_meant(given: str, end: str) -> None:
    options: Any = {given: 5}
    with pytest.raises(InvalidTool) as caught:
        tool(**options)(works)
    assert str(caught.value).endswith(end)


@pytest.mark.parametrize("limit", ["cpu_s", "memory_bytes", "open_files"])
def test_a_tool_on_the_loop_has_no_limits_of_its_own(limit: str) -> None:
    with pytest.raises(InvalidTool, match=f"{limit}: expected None"):
        tool(**{limit: 1})(waits)  # type: ignore[call-overload]


def test_a_policy_survives_binding() -> None:
    made = tool(idempotent=True, retries=2, memory_bytes=10**9, fallback=0)(works).bind(a=1)
    assert (made.idempotent, made.retries, made.memory_bytes, made.fallback) == (True, 2, 10**9, 0)


@given(st.integers(1, 1000), st.floats(0.001, 100), st.floats(0, 1))
def test_a_pause_doubles_up_to_the_longest_and_chance_takes_at_most_a_half(
    attempt: int, backoff_s: float, chance: float
) -> None:
    whole = min(backoff_s * 2 ** (attempt - 1), LONGEST_PAUSE_S)
    assert pause_s(attempt, backoff_s, 0) == whole
    assert whole / 2 <= pause_s(attempt, backoff_s, chance) <= whole


@given(st.lists(st.tuples(st.floats(0, 0.2), st.integers())))
def test_reports_are_bounded_in_any_time_and_the_latest_is_never_lost(steps: list[tuple[float, int]]) -> None:
    now_s = 0.0
    sent: list[Any] = []
    reports = Reports(sent.append, lambda: now_s)
    for pause, value in steps:
        now_s += pause
        reports.report(value)
    assert len(sent) <= BURST + now_s * PER_SECOND + 1e-6
    reports.close()
    assert sent[-1:] == [value for _, value in steps[-1:]]
    reports.report("late")
    reports.close()
    assert "late" not in sent

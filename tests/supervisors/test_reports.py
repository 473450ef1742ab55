"""The log events of supervisors. Erlang: supervisor_SUITE, external_start_no_progress_log, format_log_2."""

import logging
import re

import pytest

from actors import Mailbox, monitor, send
from supervisors import ChildSpec, Flags, start_child, start_supervisor, terminate_child
from tests.supervisors.troupe import START, Script, Worker, end, exit_reason, pids

SECRET = "hunter2"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "understudy.supervisors")
    return caplog


def events(log: pytest.LogCaptureFixture) -> list[str]:
    """Return the event and the reason of each report, and clear the reports."""
    found = []
    for record in log.records:
        if record.name == "understudy.supervisors":
            assert SECRET not in record.getMessage()
            fields = dict(re.findall(r"(\w+)='([^']*)'", record.getMessage()))
            found.append(f"{record.levelname} {fields['event']} {fields.get('reason', '')}".strip())
    log.clear()
    return found


async def test_external_start_no_progress_log(box: Mailbox, log: pytest.LogCaptureFixture) -> None:
    supervisor = await start_supervisor(Flags(), [])
    pid = await start_child(supervisor, ChildSpec("child", Worker, SECRET))
    assert events(log) == []
    await end(pid, "boom")
    await pids(supervisor)
    assert events(log) == ["ERROR child_terminated str", "INFO child_started"]


async def test_each_child_started_with_its_supervisor_is_logged(box: Mailbox, log: pytest.LogCaptureFixture) -> None:
    await start_supervisor(Flags(), [ChildSpec("a", Worker, SECRET), ChildSpec("b", Worker, SECRET)])
    assert events(log) == ["INFO child_started"] * 2


async def test_format_log_2_gives_each_report_one_line_of_fields(box: Mailbox, log: pytest.LogCaptureFixture) -> None:
    spec = ChildSpec("child", Script(START, ValueError(SECRET)), SECRET)
    supervisor = await start_supervisor(Flags(intensity=1, period_s=3600), [spec])
    log.clear()
    await end((await pids(supervisor))["child"], "boom")
    await exit_reason(box, supervisor)
    assert events(log) == [
        "ERROR child_terminated str",
        "ERROR start_error crash",
        "ERROR supervisor_gave_up reached_max_restart_intensity",
    ]


async def test_a_crash_is_logged_by_type_and_place_only(box: Mailbox, log: pytest.LogCaptureFixture) -> None:
    class Crashing(Worker):
        def handle_info(self, message: object, state: object) -> object:  # type: ignore[override]
            raise ValueError(SECRET)

    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Crashing)])
    pid = (await pids(supervisor))["child"]
    log.clear()
    ref = monitor(pid)
    send(pid, "crash")
    assert (await box.receive(5)).ref is ref
    await pids(supervisor)
    (crash,) = [record.getMessage() for record in log.records if "child_terminated" in record.getMessage()]
    assert "exception='ValueError'" in crash
    assert "test_reports.py:" in crash
    assert events(log) == ["ERROR child_terminated crash", "INFO child_started"]


async def test_an_orderly_stop_is_not_reported(box: Mailbox, log: pytest.LogCaptureFixture) -> None:
    supervisor = await start_supervisor(Flags(), [ChildSpec("child", Worker)])
    log.clear()
    await terminate_child(supervisor, "child")
    assert events(log) == []

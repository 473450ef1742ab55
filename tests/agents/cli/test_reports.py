"""Log events of the supervisors, as lines of the view."""

import logging

import pytest

from actors.log import get_logger
from agents.cli.view.reports import Reports

log = get_logger("understudy.supervisors")


@pytest.fixture
def lines() -> list[str]:
    return []


def test_a_crash_is_a_line_with_its_fields_in_order(lines: list[str]) -> None:
    with Reports() as reports, reports.shown(lines.append):
        log.error("process_crashed", pid="Pid(7)", label="ToolWorker", exception="WorkerDied", where="/a/b.py:3")
    assert lines == ["process_crashed label=ToolWorker pid=Pid(7) exception=WorkerDied"]


def test_only_the_second_start_of_a_child_is_a_restart(lines: list[str]) -> None:
    with Reports() as reports, reports.shown(lines.append):
        for pid in ("Pid(1)", "Pid(2)"):
            log.info("child_started", supervisor="Call<9>", child="worker", pid=pid)
        log.info("child_started", supervisor="Call<10>", child="worker", pid="Pid(3)")
    assert lines == ["child_restarted child=worker pid=Pid(2) supervisor=Call<9>"]


def test_the_end_of_a_stream_is_not_a_report_because_the_view_shows_it(lines: list[str]) -> None:
    with Reports() as reports, reports.shown(lines.append):
        log.info("stream_completed", agent_id="ada", token_count=3)
        log.info("worker_replaced", pid=7, reason="SIGKILL")
    assert lines == ["worker_replaced pid=7 reason=SIGKILL"]


def test_a_start_that_nobody_watched_counts(lines: list[str]) -> None:
    with Reports() as reports:
        log.info("child_started", supervisor="top", child="pool", pid="Pid(1)")
        with reports.shown(lines.append):
            log.info("child_started", supervisor="top", child="pool", pid="Pid(2)")
        log.error("process_crashed", label="unseen")
    assert lines == ["child_restarted child=pool pid=Pid(2) supervisor=top"]


def test_a_message_of_another_form_is_shown_as_it_is(lines: list[str]) -> None:
    with Reports() as reports, reports.shown(lines.append):
        logging.getLogger("understudy.other").warning("it's not key=value")
    assert lines == ["it's not key=value"]


def test_the_log_is_restored() -> None:
    logger = logging.getLogger("understudy")
    before = logger.level, logger.propagate, list(logger.handlers)
    with Reports():
        assert not logger.propagate
    assert (logger.level, logger.propagate, logger.handlers) == before

"""The watchdog: it logs the process that holds the loop, with the place in the code."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from actors import AsyncioSystemBase, GenServer, NoReply, ended, get_state, receive, send, spawn, start


class Report(logging.Handler):
    """A log handler that keeps the first loop_held and then sets `came`."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        if "loop_held" in record.getMessage() and not self.came.is_set():
            self.text = record.getMessage()
            self.came.set()


@pytest.fixture
def report() -> Iterator[Report]:
    handler = Report()
    logging.getLogger("understudy.actors").addHandler(handler)
    yield handler
    logging.getLogger("understudy.actors").removeHandler(handler)


class Holding(GenServer[None]):
    """A server that holds the loop until the watchdog has logged it."""

    def init(self) -> None:
        return None

    def handle_info(self, report: Report, state: None) -> NoReply[None]:
        hold_the_loop(report)
        return NoReply(None)


def hold_the_loop(report: Report) -> None:
    assert report.came.wait(60)


async def holding() -> None:
    hold_the_loop(await receive())


async def test_a_handler_that_holds_the_loop_is_reported_with_its_stack(report: Report) -> None:
    async with AsyncioSystemBase(watchdog_s=0.01):
        pid = await start(Holding)
        send(pid, report)
        await get_state(pid)
        assert f"pid='{pid}'" in report.text
        assert "label='Holding'" in report.text
        assert "hold_the_loop" in report.text
        assert "test_watchdog.py" in report.text


async def test_a_coroutine_that_holds_the_loop_is_reported_as_its_process(report: Report) -> None:
    async with AsyncioSystemBase(watchdog_s=0.01):
        pid = spawn(holding)
        send(pid, report)
        await ended(pid)
        assert f"pid='{pid}'" in report.text


async def test_code_outside_any_process_is_reported_by_its_place(report: Report) -> None:
    async with AsyncioSystemBase(watchdog_s=0.01):
        hold_the_loop(report)
        assert "pid=None" in report.text
        assert "hold_the_loop" in report.text


def test_the_watchdog_watches_a_loop_on_a_thread_of_its_own(report: Report) -> None:
    async def hold() -> None:
        hold_the_loop(report)

    with AsyncioSystemBase(watchdog_s=0.01) as base:
        base.run(hold())
    assert "hold_the_loop" in report.text


@pytest.mark.parametrize("watchdog_s", [None, 3600])
async def test_the_watchdog_is_a_thread_only_while_its_system_is_open(watchdog_s: Any) -> None:
    before = threading.active_count()
    async with AsyncioSystemBase(watchdog_s=watchdog_s):
        assert threading.active_count() - before == (watchdog_s is not None)
    assert threading.active_count() == before

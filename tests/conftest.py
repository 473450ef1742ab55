"""Settings of all tests: reports travel between OS processes as UTF-8; a Hypothesis example has no deadline.

A test may set up logging; after it, this OS process logs as before it.

The files that take longest run first, so that at the end no worker of xdist has a long file to itself.

The garbage collector does not search the tests: a full collection of their 600,000 objects takes 0.25 s of CPU.
"""

import gc
import logging
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from agents.node.log_setup import LogHandler

pytest_plugins = ("agents.testing.plugin",)  # the entry point loads it, too, where the package is installed

settings.register_profile("understudy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("understudy")  # an example may take long on a busy machine

gc.disable()  # until all tests are collected

LONG: Final = ("benchmarks", "thespian_suite", "agents/gateway/pages", "agents/daemon", "typing")
"""The folders whose files take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folders = [Path(__file__).parent / name for name in LONG]
    items.sort(key=lambda item: next((at for at, each in enumerate(folders) if each in item.path.parents), len(LONG)))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    root, ours = logging.getLogger(), logging.getLogger("understudy")
    levels = root.level, ours.level
    try:
        return (yield)
    finally:
        for handler in [each for each in root.handlers if isinstance(each, LogHandler)]:
            root.removeHandler(handler)
        root.setLevel(levels[0])
        ours.setLevel(levels[1])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Halves of surrogate pairs, which some tests are about, can't be."""
    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    shown = str(report.longrepr)
    if report.failed and shown != _sendable(shown):
        report.longrepr = _sendable(shown)
    return report


def _sendable(text: str) -> str:
    return text.encode(errors="replace").decode()

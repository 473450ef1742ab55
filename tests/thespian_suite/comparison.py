"""A plugin for pytest that runs Thespian's cases on our base and compares each outcome."""

from collections.abc import Mapping

import pytest
import thespian.system.simpleSystemBase
import thespian.test
from thespian.actors import ActorSystem

from actors import AsyncioSystemBase
from tests.thespian_suite.cases import BEYOND


class Outcomes:
    """The outcome of each case: passed, skipped or failed."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.of[report.nodeid] = report.outcome


class Comparison(Outcomes):
    """A plugin that fails the session unless each expected case ran with its expected outcome."""

    def __init__(self, expected: Mapping[str, str]) -> None:
        super().__init__()
        self.expected = expected
        self.skip_unsupported = thespian.test.actor_system_unsupported
        self.running = ""

    def pytest_configure(self) -> None:
        thespian.system.simpleSystemBase.ActorSystemBase = AsyncioSystemBase
        thespian.test.actor_system_unsupported = self.unsupported

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.running = item.nodeid

    def unsupported(self, system: ActorSystem, *bases: str) -> None:
        """Skip a case by the name of its base, for which Thespian's cases call this."""
        if self.running not in BEYOND:
            self.skip_unsupported(system, *bases)

    def differences(self) -> list[str]:
        cases = sorted({*self.expected, *self.of})
        return [
            f"{case}: expected {self.expected.get(case, 'no such case')}, got {self.of.get(case, 'no such case')}"
            for case in cases
            if self.expected.get(case) != self.of.get(case)
        ]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED if self.differences() else pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for difference in self.differences():
            terminalreporter.write_line(difference, red=True)
        same = sum(self.of.get(case) == outcome for case, outcome in self.expected.items())
        terminalreporter.write_line(f"{same} of {len(self.expected)} cases came out as expected")

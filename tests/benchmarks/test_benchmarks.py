"""Every measurement runs, at a tiny size, in an OS process of its own, and finds figures. How large is not asked."""

from collections.abc import Iterator

import pytest

from benchmarks.__main__ import provider, run_apart
from benchmarks.figures import SUITES, figures
from benchmarks.processes import Sizes
from benchmarks.report import results, table
from benchmarks.subject import READERS, Cpu, FirstToken, Processes
from benchmarks.workload import Load


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with provider() as url:
        yield url


@pytest.mark.parametrize("reader", READERS)
def test_each_reader_gets_every_token_of_streams_at_once(base_url: str, reader: str) -> None:
    found = run_apart(Cpu(reader, Load(streams=2, tokens=5)), base_url)
    assert found[reader] > 0


def test_paced_streams_come_whole(base_url: str) -> None:
    assert run_apart(Cpu("floor", Load(streams=2, tokens=5, every_ms=1)), base_url)["floor"] > 0


def test_the_first_token_has_a_time(base_url: str) -> None:
    assert run_apart(FirstToken("process", Load(streams=2, tokens=5)), base_url)["process"] > 0


def test_the_process_system_has_all_figures_of_its_suite(base_url: str) -> None:
    found = run_apart(Processes(Sizes(hops=200, calls=20, spawns=20)), base_url)
    suite = next(suite for suite in SUITES if suite.name == "processes")
    assert set(found) == set(suite.titles)
    assert min(found.values()) > 0


def test_a_page_has_a_line_for_every_figure_and_its_reference() -> None:
    for suite in SUITES:
        rounds = [dict.fromkeys(suite.titles, value) for value in (4.0, 2.0, 3.0)]
        page = results([table(suite, figures(suite, rounds))], rounds=3, date="2000-01-01")
        assert all(f"| {title} | 3.00 | 2.00 to 4.00 |" in page for title in suite.titles.values())

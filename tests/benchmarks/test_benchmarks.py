"""Every measurement runs, at a tiny size, in an OS process of its own, and finds figures. How large is not asked."""

from collections.abc import Iterator

import pytest

from benchmarks import endurance, processes, supervision
from benchmarks.__main__ import provider, run_apart
from benchmarks.figures import SUITES, Suite, figures
from benchmarks.report import merged, preface, table
from benchmarks.subject import READERS, Cpu, Endurance, FirstToken, Processes, Supervision
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
    found = run_apart(Processes(processes.Sizes(hops=200, calls=20, spawns=20)), base_url)
    found |= run_apart(Supervision(supervision.Sizes(children=2000, restarts=20)), base_url)
    assert set(found) == set(suite("processes").titles)
    assert min(found.values()) > 0


def test_what_is_left_behind_has_all_figures_of_its_suite(base_url: str) -> None:
    sizes = endurance.Sizes(idle=20, idle_s=0.01, warming=20, restarts=200)
    found = run_apart(Endurance(sizes), base_url)
    assert set(found) == set(suite("endurance").titles)
    assert found["growth_files"] == found["growth_entries"] == 0


def test_a_page_has_a_line_for_every_figure() -> None:
    for each in SUITES:
        rounds = [dict.fromkeys(each.titles, value) for value in (4.0, 2.0, 3.0)]
        page = merged("# Old", [table(each, figures(each, rounds))], preface(rounds=3, date="2000-01-01"))
        assert all(f"| {title} | 3.00 | 2.00 to 4.00 |" in page for title in each.titles.values())


def test_a_target_is_so_many_times_what_otp_took() -> None:
    names = [*suite("processes").titles, "otp_call", "otp_spawn_server", "core_call"]
    page = table(suite("processes"), figures(suite("processes"), [dict.fromkeys(names, 2.0)]))
    assert "| 2.00 | 2.00 to 2.00 | 2.00 | 2.00 | 1.00x | 1.00x | 8.00 (4x) |" in page
    assert "| 16.00 (8x a bare spawn of OTP's) |" in page


def test_a_suite_measured_alone_replaces_its_table_and_leaves_the_others() -> None:
    page = "# Page\n\nText.\n\n## One\n\nold\n\n## Two\n\nkept\n"
    assert merged(page, ["## One\n\nnew", "## Three"]) == (
        "# Page\n\nText.\n\n## One\n\nnew\n\n## Two\n\nkept\n\n## Three\n"
    )


def suite(name: str) -> Suite:
    return next(each for each in SUITES if each.name == name)

"""Every benchmark runs at a tiny size, in an OS process of its own, and prints figures. Their size is not tested."""

from collections.abc import Iterator

import pytest

from benchmarks import (
    daemon,
    daemon_clients,
    endurance,
    gateway,
    lasting,
    mcp_calls,
    processes,
    sessions,
    supervised_calls,
    supervision,
    turns,
)
from benchmarks.__main__ import provider, run_apart
from benchmarks.figures import SUITES
from benchmarks.reading import STREAM_READERS, Beside, Cpu, Delay, FanOut, FirstToken
from benchmarks.report import merged, preface, suites_named, table
from benchmarks.subject import (
    Call,
    Clients,
    Daemon,
    Endurance,
    Gateway,
    Journal,
    Lasting,
    McpCalls,
    Processes,
    Resume,
    Supervision,
    Turns,
)
from benchmarks.suite import Suite, figures
from benchmarks.workload import Load

pytestmark = pytest.mark.benchmarks


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with provider() as url:
        yield url


@pytest.mark.parametrize("reader", STREAM_READERS)
def test_each_reader_gets_every_token_of_streams_at_once(base_url: str, reader: str) -> None:
    found = run_apart(Cpu(reader, Load(streams=2, tokens=5)), base_url)
    assert found[reader] > 0


def test_an_idle_daemon_has_all_its_figures(base_url: str) -> None:
    found = run_apart(Daemon(daemon.Idle(seconds=0.1, settled_s=0.0)), base_url)
    assert set(found) == set(suite("daemon").titles)
    assert found["daemon_rss_mib"] > 0


def test_paced_streams_come_whole(base_url: str) -> None:
    assert run_apart(Cpu("floor", Load(streams=2, tokens=5, every_ms=1)), base_url)["floor"] > 0


@pytest.mark.parametrize("reader", ["floor", "sdk", "process", "unsliced"])
def test_paced_tokens_have_delays_and_take_a_share_of_a_core(base_url: str, reader: str) -> None:
    found = run_apart(Delay(reader, Load(streams=3, tokens=20, every_ms=2)), base_url)
    assert set(found) == set(suite("delay_300").titles)
    assert min(found[name] for name in ("median", "p99", "core")) > 0  # other samples may have had no core


@pytest.mark.parametrize(("reader", "prefix"), [("tools", ""), ("sdk", "sdk_")])
def test_turns_with_tools_have_a_figure_for_the_turn_and_one_for_its_neighbour(
    base_url: str, reader: str, prefix: str
) -> None:
    found = run_apart(FanOut(reader, calls=3, prefix=prefix, turns=1), base_url)
    found |= run_apart(Beside(reader, "calls-2-of-echo", "echo", prefix, turns=1, neighbour_tokens=20), base_url)
    assert set(found) == {f"{prefix}{name}" for name in ("beyond", "echo_turn", "echo_gap")}
    assert min(found.values()) > 0


def test_a_tool_call_has_a_cost_and_its_supervision_too(base_url: str) -> None:
    found = run_apart(Call(supervised_calls.Sizes(calls=10, rounds=3)), base_url)
    assert found["call"] > found["supervision"] > 0


@pytest.mark.parametrize(
    ("server", "prefix"), [("batched", ""), *((each, f"{each}_") for each in ("off", *daemon_clients.HAND))]
)
def test_a_server_of_many_clients_has_all_its_figures_and_loses_no_token(
    base_url: str, server: str, prefix: str
) -> None:
    pace = daemon_clients.Pace(tokens=20, every_ms=10)
    found = run_apart(Clients(server, clients=3, prefix=prefix, pace=pace), base_url)
    assert set(found) == {f"{prefix}{name}_3" for name in ("cpu", "core", "gap")}
    assert min(found.values()) > 0


def test_every_reader_beside_the_peers_has_the_figures_of_ours() -> None:
    peers = suite("peers")
    names = {job.name for job in peers.jobs if isinstance(job, Cpu | FirstToken)}
    assert names == {f"{prefix}{name}" for prefix in _prefixes(peers) for name in ("one", "many", "first")}


def test_other_libraries_are_measured_only_on_demand() -> None:
    usual, more = suites_named(None, peers=False), suites_named(None, peers=True)
    assert [each.name for each in more if each not in usual] == ["peers", "daemon_clients"]
    assert [each.name for each in suites_named("daemon_clients", peers=False)] == ["daemon_clients"]


def test_the_first_token_has_a_time(base_url: str) -> None:
    assert run_apart(FirstToken("process", Load(streams=2, tokens=5)), base_url)["process"] > 0


def test_the_process_system_has_all_figures_of_its_suite(base_url: str) -> None:
    found = run_apart(Processes(processes.Sizes(hops=200, calls=20, spawns=20)), base_url)
    found |= run_apart(Supervision(supervision.Sizes(children=2000, restarts=20)), base_url)
    assert set(found) == set(suite("processes").titles)
    assert min(found.values()) > 0


def test_kept_sessions_have_all_figures_of_their_suite(base_url: str) -> None:
    found = run_apart(Journal(Load(streams=1, tokens=20), "one"), base_url)
    found |= run_apart(Journal(Load(streams=3, tokens=20), "many"), base_url)
    found |= run_apart(Resume(sessions.Sizes(events=40)), base_url)
    assert set(found) == set(suite("sessions").titles)


def test_turns_that_last_have_all_figures_of_their_suite(base_url: str) -> None:
    sizes = lasting.Sizes(messages=40, compactions=2, checks=10, turns=2)
    found = run_apart(Lasting(sizes), base_url)
    assert set(found) == set(suite("lasting").titles)
    assert found["ledger_writes"] > 0


def test_endurance_has_all_figures_of_its_suite(base_url: str) -> None:
    sizes = endurance.Sizes(idle=20, idle_s=0.01, warming=20, restarts=200)
    found = run_apart(Endurance(sizes), base_url)
    found |= run_apart(Turns(turns.Sizes(turns=8, warming=4, of_an_agent=2)), base_url)
    assert set(found) == set(suite("endurance").titles)
    counted = [name for suffix in ("files", "entries", "processes") for name in found if name.endswith(suffix)]
    assert {found[name] for name in counted} == {0}


def test_the_gateway_has_all_figures_of_its_suite(base_url: str) -> None:
    found = run_apart(Gateway(gateway.Sizes(tokens=50, resumed=50)), base_url)
    assert set(found) == set(suite("gateway").titles)
    assert min(found.values()) > 0


def test_calls_of_an_mcp_server_have_all_figures_of_their_suite(base_url: str) -> None:
    found = run_apart(McpCalls(mcp_calls.Sizes(calls=1, at_once=2, rounds=1)), base_url)
    assert set(found) == set(suite("mcp_calls").titles)


def test_a_page_has_a_line_for_every_figure() -> None:
    for each in SUITES:
        rounds = [dict.fromkeys(each.titles, value) for value in (4.0, 2.0, 3.0)]
        page = merged("# Old", [table(each, figures(each, rounds))], preface(rounds=3, date="2000-01-01", load="0.0"))
        assert all(f"| {title} | 3.00 | 2.00 to 4.00 |" in page for title in each.titles.values())


def test_a_target_is_a_multiple_of_the_figure_of_otp() -> None:
    names = [*suite("processes").titles, "otp_call", "otp_spawn_server", "core_call"]
    page = table(suite("processes"), figures(suite("processes"), [dict.fromkeys(names, 2.0)]))
    assert "| 2.00 | 2.00 to 2.00 | 2.00 | 1.00x | 2.00 | 1.00x | 8.00 (4x) |" in page
    assert "| 16.00 (8x a bare spawn of OTP's) |" in page


def test_the_strictest_of_several_targets_is_shown_and_whether_it_is_missed() -> None:
    measured = {"floor": 2.0, "sdk": 60.0, "process": 3.5, "iteration": 3.5}
    page = table(suite("one_stream"), figures(suite("one_stream"), [measured]))
    assert "| 3.00 (0.05x AsyncOpenAI), missed |" in page
    page = table(suite("first_token"), figures(suite("first_token"), [measured]))
    assert "| 4.00 (the floor + 2) |" in page


def test_a_suite_measured_alone_replaces_its_table_and_leaves_the_others() -> None:
    page = "# Page\n\nText.\n\n## One\n\nold\n\n## Two\n\nkept\n"
    assert merged(page, ["## One\n\nnew", "## Three"]) == (
        "# Page\n\nText.\n\n## One\n\nnew\n\n## Two\n\nkept\n\n## Three\n"
    )


def suite(name: str) -> Suite:
    return next(each for each in SUITES if each.name == name)


def _prefixes(suite: Suite) -> list[str]:
    return ["", *(f"{name}_" for name in suite.beside or ())]

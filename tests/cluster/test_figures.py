"""The benchmarks of a cluster at a tiny size. The size of their figures is not tested."""

from collections.abc import Iterator

import pytest

from benchmarks.__main__ import provider, run_apart
from benchmarks.cluster import far_agents, local_agents, membership
from benchmarks.failover import Sizes
from benchmarks.figures import SUITES
from benchmarks.subject import Failover, FarAgents, LocalAgents, Membership, ScaleOut
from benchmarks.suite import Suite
from benchmarks.workload import Load

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with provider() as url:
        yield url


def test_a_pause_has_a_figure_for_the_first_the_median_and_the_last_stream() -> None:
    found = run_apart(Failover("kill", Sizes(streams=4, over_s=0.1, lease_time=3000)), "")
    assert set(found) == {name for name in suite("failover").titles if name.startswith("kill")}
    assert 0 < found["kill_first"] <= found["kill_median"] <= found["kill_last"]


def test_an_agent_of_another_node_has_all_figures_of_its_suite(base_url: str) -> None:
    sizes = far_agents.Sizes(Load(3, 30, every_ms=10), ramp_s=0.05, replies=2)
    found = run_apart(FarAgents(sizes), base_url)
    assert set(found) == set(suite("far_agents").titles)
    assert min(found["left"], found["holder"], found["there_first"], found["there_info"]) > 0


def test_a_local_agent_has_figures_with_and_without_a_cluster(base_url: str) -> None:
    sizes = local_agents.Sizes(Load(2, 30, every_ms=10), ramp_s=0.05, agents=2, turns=1, passes=1)
    found = run_apart(LocalAgents(sizes), base_url)
    assert set(found) == set(suite("local_agents").titles)


def test_few_and_many_nodes_have_figures_of_the_database_and_of_a_node() -> None:
    found = run_apart(Membership(membership.Sizes(few=1, many=3, settled_s=0.1, seconds=0.5)), "")
    assert set(found) == set(suite("membership").titles)
    assert min(found.values()) > 0


def test_streams_have_all_figures_through_one_node_and_through_two() -> None:
    found = run_apart(ScaleOut("slow", Load(2, 20, every_ms=10)), "")
    assert set(found) == {name for name in suite("scale_out").titles if name.startswith("slow")}
    assert min(found["slow_cpu_one"], found["slow_rate_two"], found["slow_provider_two"]) > 0


def suite(name: str) -> Suite:
    return next(each for each in SUITES if each.name == name)

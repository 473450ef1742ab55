"""The benchmark of failover at a tiny size. The size of its figures is not tested."""

import pytest

from benchmarks.__main__ import run_apart
from benchmarks.failover import Sizes
from benchmarks.figures import SUITES
from benchmarks.subject import Failover

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def test_a_pause_has_a_figure_for_the_first_the_median_and_the_last_stream() -> None:
    found = run_apart(Failover("kill", Sizes(streams=4, over_s=0.1, lease_time=3000)), "")
    suite = next(each for each in SUITES if each.name == "failover")
    assert set(found) == {name for name in suite.titles if name.startswith("kill")}
    assert 0 < found["kill_first"] <= found["kill_median"] <= found["kill_last"]

"""Budgets of a cluster: each model call has one charge over the death of a node, and all nodes count it."""

from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest

from agents import BudgetExceeded, StreamComplete, StreamError
from agents.rehearsal import RehearsalServer, parse
from agents.streams.budget_check import UNKNOWN_ANSWER
from tests.cluster.nodes import Cluster
from tests.cluster.recording import Crowd, Recording

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]
STREAMS = 24
INPUT, OUTPUT = 100, 20
SCRIPT = f"""
[models.worker]
token_delay_s = 0.05
[[models.worker.turns]]
[[models.worker.turns.steps]]
usage = {{ input_tokens = {INPUT}, output_tokens = {OUTPUT} }}
text = "one two three four five six seven eight nine ten eleven twelve"
tool_calls = [{{ name = "looks", arguments = {{ name = "{{user}}" }} }}]
[[models.worker.turns.steps]]
usage = {{ input_tokens = {INPUT}, output_tokens = {OUTPUT} }}
text = "one two three four five six seven eight nine ten eleven twelve"
"""
SETTINGS = {"budgets": '[#{agent => "*", tokens => 100000000}]'}


@pytest.fixture
async def provider() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(parse(SCRIPT)) as server:
        yield server


def crowd_of(cluster: Cluster, http: aiohttp.ClientSession, messages: Sequence[str], first: int) -> Crowd:
    return Crowd(http, cluster.token, lambda: cluster.living, messages, 0.5, lambda n: (n + first) % 2)


async def test_a_killed_nodes_model_calls_are_charged_once_and_all_nodes_sum_them(
    cluster: Cluster, http: aiohttp.ClientSession
) -> None:
    a, b = await cluster.start("a", "b")
    async with crowd_of(cluster, http, [f"m{number}" for number in range(STREAMS)], 0) as crowd:
        await crowd.all_begun()
        await a.kill()
    failed = [
        each.report(each.events[-1]) for each in crowd.recordings if not isinstance(each.events[-1], StreamComplete)
    ]
    assert failed == []
    sums = "SELECT estimated, count(*), sum(input_tokens), sum(output_tokens) FROM charges GROUP BY 1 ORDER BY 1"
    (_, exact, sent, answered), *cut = await cluster.database.rows(sums)
    asked = len(cluster.provider.requests)
    assert (sent, answered) == (exact * INPUT, exact * OUTPUT)
    assert exact >= 2 * STREAMS
    assert exact <= asked <= exact + sum(count for _, count, *_ in cut)
    async with cluster.client(b) as client:
        report = await client.spending("day")
    assert sum(each.model_calls for each in report.spend) == exact + sum(count for _, count, *_ in cut)


async def test_a_node_counts_what_another_one_has_spent(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    """Three model calls leave no room for a fourth one, whose answer may have 4,096 tokens."""
    limit = UNKNOWN_ANSWER + 3 * (INPUT + OUTPUT) + 40
    budget = f'[#{{agent => "worker", tokens => {limit}, on_breach => fail}}]'
    await cluster.start("a", "b", own={"budgets": budget})
    ends = []
    for place, name in enumerate(("first", "second")):
        recording = Recording(http, cluster.token, lambda: cluster.living, name, place)
        await recording.run()
        ends.append(recording.events[-1])
    whole, refused = ends
    assert isinstance(whole, StreamComplete)
    assert isinstance(refused, StreamError)
    assert isinstance(refused.reason, BudgetExceeded)
    assert refused.reason.spent == 3 * (INPUT + OUTPUT)
    assert await cluster.database.rows("SELECT count(DISTINCT epoch) FROM charges") == [(2,)]

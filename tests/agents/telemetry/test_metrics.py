"""The instruments: /metrics and OpenTelemetry show the same numbers of the same turns."""

from actors import get_state
from agents import agent, start_agent
from agents.daemon.meter import METER, Counts
from agents.telemetry.instruments import INSTRUMENTS, Instrument
from agents.telemetry.meter import Meter
from supervisors import ChildSpec, Flags, start_supervisor
from tests.agents.telemetry.conftest import Telemetry, Traced

SCRIPT = """
[models.counts]
[[models.counts.turns]]
[[models.counts.turns.steps]]
tool_calls = [{ name = "calculator", arguments = { expression = "6*7" } }]
usage = { input_tokens = 90, output_tokens = 10 }
[[models.counts.turns.steps]]
text = "42"
usage = { input_tokens = 95, output_tokens = 5 }
"""

CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "counts"}


def exported(telemetry: Telemetry, instrument: Instrument) -> dict[frozenset[tuple[str, str]], float]:
    """Return the counts of a counter, or the sums of a histogram, by its labels."""
    points = telemetry.points(instrument.name)
    return {
        frozenset((name.replace(".", "_"), str(value)) for name, value in point.attributes.items()): (
            point.sum if instrument.bounds else point.value
        )
        for point in points
    }


def scraped(counts: Counts, instrument: Instrument) -> dict[frozenset[tuple[str, str]], float]:
    suffix = "_sum" if instrument.bounds else "_total"
    return {
        frozenset((name, value) for name, value in sample.labels.items() if value): sample.value
        for family in counts.registry.collect()
        for sample in family.samples
        if sample.name == f"{instrument.prometheus}{suffix}"
    }


async def test_opentelemetry_and_prometheus_show_the_same_numbers(traced: Traced, telemetry: Telemetry) -> None:
    counts = Counts()
    before = {each.name: exported(telemetry, each) for each in INSTRUMENTS}  # of the program's earlier applications
    async with traced():
        await start_supervisor(Flags(), (ChildSpec("meter", Meter, counts, name=METER),), name="daemon")
        pid = await start_agent(model="counts", tools=["calculator"])
        await agent.chat(pid, "?")
        await agent.info(pid)  # its answer follows the report of the turn's end
        for meter in (METER, "telemetry"):
            await get_state(meter)
        after = {each.name: exported(telemetry, each) for each in INSTRUMENTS}
    for each in INSTRUMENTS:
        shown = scraped(counts, each)
        grown = {key: value - before[each.name].get(key, 0) for key, value in after[each.name].items() if key in shown}
        assert {key: round(value, 9) for key, value in grown.items()} == {
            key: round(value, 9) for key, value in shown.items()
        }, each.name


async def test_each_model_call_has_its_tokens_its_duration_and_its_first_chunk(
    traced: Traced, telemetry: Telemetry
) -> None:
    def found(name: str) -> list[tuple[dict[str, str], int, float]]:
        points = telemetry.points(name)
        return [
            (dict(each.attributes), each.count, each.sum) for each in points if CALL.items() <= each.attributes.items()
        ]

    before = {tuple(sorted(labels.items())): total for labels, _, total in found("gen_ai.client.token.usage")}
    calls = sum(count for _, count, _ in found("gen_ai.client.operation.duration"))
    async with traced():
        pid = await start_agent(model="counts", tools=["calculator"])
        await agent.chat(pid, "?")
        await agent.info(pid)
        await get_state("telemetry")
        tokens = {
            labels["gen_ai.token.type"]: total - before.get(tuple(sorted(labels.items())), 0)
            for labels, _, total in found("gen_ai.client.token.usage")
        }
        assert tokens == {"input": 185, "output": 15}
        for name in ("gen_ai.client.operation.duration", "gen_ai.client.operation.time_to_first_chunk"):
            (only,) = found(name)
            assert only[0] == CALL
            assert only[1] == calls + 2

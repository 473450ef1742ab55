"""All figures of the daemon, in Prometheus's format: what the meter counted, and the system as it is seen right now.

The library is loaded by the first who asks: most daemons are never asked.
"""

import asyncio
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import accumulate
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from agents.daemon.crashes import Crashes
from agents.daemon.meter import Counts, Durations
from agents.daemon.snapshot import Seen, seen

if TYPE_CHECKING:
    from prometheus_client import Metric

T = TypeVar("T")
Key: TypeAlias = tuple[str, ...]
"""The values of a metric's labels."""


class Scrape:
    def __init__(self, counts: Counts, crashes: Crashes) -> None:
        self._counts, self._crashes = counts, crashes

    async def figures(self) -> tuple[bytes, str]:
        """The text, and its media type."""
        prometheus = await asyncio.to_thread(import_module, "prometheus_client")  # its first import takes 50 ms
        shown = _Shown(self._counts, self._crashes, await seen())
        return prometheus.generate_latest(shown), prometheus.CONTENT_TYPE_LATEST


class _Shown:
    """What the library takes for a registry."""

    def __init__(self, counts: Counts, crashes: Crashes, now: Seen) -> None:
        self._counts, self._crashes, self._now = counts, crashes, now

    def collect(self) -> Iterator["Metric"]:
        yield from self._of_turns()
        yield from self._of_tools()
        yield from self._of_processes()
        yield from self._of_the_rest()

    def _of_turns(self) -> Iterator["Metric"]:
        counts = self._counts
        yield _counter("turns", "Turns that have ended.", _named(counts.turns), "outcome")
        tokens = _named(counts.tokens)
        yield _counter("tokens", "Tokens: input and output as providers count, streamed as they came.", tokens, "kind")
        yield _counter("model_calls", "Model calls, each once however often it was tried.", {(): counts.model_calls})
        yield _counter("model_retries", "Model calls that were tried again.", {(): counts.retries})
        yield _histogram("turn_seconds", "Length of turns.", {(): counts.turn_s})
        yield _histogram("first_token_seconds", "From a turn's start to its first token.", {(): counts.first_token_s})

    def _of_tools(self) -> Iterator["Metric"]:
        counts = self._counts
        yield _counter("tool_calls", "Tool calls of turns that have ended.", _keyed(counts.tools), "tool", "outcome")
        yield _histogram("tool_seconds", "Length of tool calls.", _named(counts.tool_s), "tool")

    def _of_processes(self) -> Iterator["Metric"]:
        now = self._now
        yield _gauge("processes", "Processes of the process system.", {(): now.system.processes})
        yield _counter("dead_letters", "Messages that found no process.", {(): now.system.dead_letters})
        boxes = _named(now.mailboxes)
        yield _gauge("mailbox_messages", "Messages that wait, in the fullest mailboxes.", boxes, "process")
        yield _counter("restarts", "Restarts of named children.", _keyed(now.restarts), "supervisor", "child")
        fallen = _named(self._crashes.of)
        yield _counter("crashes", "Children that fell, by supervisor.", fallen, "supervisor")

    def _of_the_rest(self) -> Iterator["Metric"]:
        now = self._now
        yield _gauge("agents", "Agents that have a process.", {(): now.agents})
        yield _gauge("turns_running", "Turns that run.", {(): now.turns})
        yield _gauge("breakers", "Providers by the state of their breaker.", _keyed(now.breakers), "provider", "state")
        if now.kept is not None:
            yield _gauge("sessions", "Sessions that are kept.", {(): now.kept})
        if (behind := now.journal) is not None:
            yield _gauge("journal_waiting_events", "Events that are not on disk.", {(): behind.events})
            yield _gauge("journal_waiting_seconds", "How long the oldest of them waits.", {(): behind.oldest_s})
        yield _gauge("loop_lag_seconds", "How late a timer of the event loop is.", {(): now.loop_lag_s})


def _counter(name: str, told: str, values: Mapping[Key, int], *labels: str) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(f"understudy_{name}", told, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _gauge(name: str, told: str, values: Mapping[Key, float], *labels: str) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(f"understudy_{name}", told, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _histogram(name: str, told: str, values: Mapping[Key, Durations], *labels: str) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(f"understudy_{name}", told, labels=labels)
    for key, durations in values.items():
        bounds = [*map(str, durations.bounds_s), "+Inf"]
        family.add_metric(key, list(zip(bounds, accumulate(durations.counts), strict=True)), durations.sum_s)
    return family


def _named(values: Mapping[str, T]) -> dict[Key, T]:
    return {(name,): value for name, value in values.items()}


def _keyed(values: Mapping[tuple[str, str], T]) -> dict[Key, T]:
    return {labels: value for labels, value in values.items()}  # noqa: C416 (a dict of wider keys)

"""The text of /metrics: the meter's counts, and the current state of the system, in Prometheus's format."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Final, TypeAlias, TypeVar

from agents.core.waiting import WaitSum
from agents.daemon.meter import Counts
from agents.daemon.snapshot import Snapshot, snapshot
from agents.extras import extra
from agents.telemetry.measurements import bounded

with extra("daemon", "the daemon's metrics"):
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, ProcessCollector, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.registry import Collector

K = TypeVar("K", bound=tuple[str, ...])
"""The values of a metric's labels."""

WaitLabels: TypeAlias = tuple[str, str, str]
"""The name of an agent, the kind of what waits, and whether the turn is parked."""
MAX_NAMES: Final = 1000  # clients may name agents


class Scrape:
    """The source of /metrics."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    async def metrics(self) -> tuple[bytes, str]:
        """Return the text and its media type."""
        present = registry_of(await snapshot())
        return generate_latest(self._counts.registry) + generate_latest(present), CONTENT_TYPE_LATEST


def registry_of(now: Snapshot) -> CollectorRegistry:
    """Return a registry of the metrics of one moment: those of a snapshot, and those of the OS process."""
    present = CollectorRegistry()
    present.register(_Present(now))
    ProcessCollector(registry=present)
    return present


class _Present(Collector):
    """A snapshot as metrics."""

    def __init__(self, now: Snapshot) -> None:
        self._now = now

    def collect(self) -> Iterator[Metric]:
        yield _gauges("build_info", "Versions, as labels of the value 1.", {_versions(): 1}, "version", "python")
        yield from self._processes()
        yield from self._agents()
        yield from self._sessions()
        yield from self._waiting()
        yield from self._cluster()
        yield _gauge("loop_lag_seconds", "Delay of a timer on the event loop.", self._now.loop_lag_s)

    def _processes(self) -> Iterator[Metric]:
        now = self._now
        yield _gauge("processes", "Processes of the process system.", now.system.processes)
        yield _counter("dead_letters", "Messages that no process received.", {(): now.system.dead_letters})
        boxes = {(process,): messages for process, messages in now.mailboxes.items()}
        yield _gauges("mailbox_messages", "Messages that wait, in the fullest mailboxes.", boxes, "process")
        yield _counter("restarts", "Restarts of named children.", now.restarts, "supervisor", "child")

    def _agents(self) -> Iterator[Metric]:
        now = self._now
        yield _gauge("agents", "Agents that run.", now.agents)
        crashed = {(state,): now.crashed.get(state, 0) for state in ("running", "restarting", "held")}
        yield _gauges("agents_crashed", "Agents that have crashed, by their state.", crashed, "state")
        yield _gauge("turns_running", "Turns that run.", now.turns)
        yield _gauge("messages_waiting", "Messages that wait for their turns.", now.messages)
        yield _gauges("breakers", "Providers by the state of their breaker.", now.breakers, "provider", "state")

    def _waiting(self) -> Iterator[Metric]:
        counts, oldest = waiting_by_name(self._now.waiting, self._now.parked)
        labels = "agent", "kind", "parked"
        yield _gauges("decisions_waiting", "Approvals, questions, budgets and effects that wait.", counts, *labels)
        ages = {key: max(0.0, self._now.at - asked_at) for key, asked_at in oldest.items()}
        yield _gauges("decisions_waiting_seconds", "Age of the oldest of them.", ages, *labels)

    def _cluster(self) -> Iterator[Metric]:
        if (now := self._now.cluster) is None:
            return
        nodes = {(state,): count for state, count in now.nodes.items()}
        yield _gauges("cluster_nodes", "Living nodes of the cluster.", nodes, "state")
        yield _counter("cluster_takeovers", "Sessions of other nodes that this one continued.", {(): now.taken_over})
        yield _counter("cluster_handovers", "Agents that this node handed over.", {(): now.handed_over})
        yield _counter("cluster_deaths_declared", "Nodes that this one declared dead.", {(): now.declared_dead})
        yield _gauge("cluster_links", "Open links to other nodes.", now.links)
        yield _gauge("cluster_stand_ins", "Stand-ins for agents of other nodes.", now.stand_ins)
        counted = {"frames": "Frames", "events": "Events of streams", "bytes": "Bytes of frames"}
        for name, words in counted.items():
            values = {(direction,): count for direction, count in getattr(now, name).items()}
            yield _counter(f"cluster_link_{name}", f"{words} on links to other nodes.", values, "direction")
        stalls = "Events that waited until the follower on another node had room."
        yield _counter("cluster_link_credit_stalls", stalls, {(): now.credit_stalls})

    def _sessions(self) -> Iterator[Metric]:
        if self._now.sessions is not None:
            yield _gauge("sessions", "Sessions in the store.", self._now.sessions)
        if (behind := self._now.journal) is not None:
            yield _gauge("journal_waiting_events", "Events that are not on disk.", behind.events)
            yield _gauge("journal_waiting_seconds", "Age of the oldest event that is not on disk.", behind.oldest_s)


def waiting_by_name(
    waiting: Iterable[WaitSum], parked: Iterable[WaitSum]
) -> tuple[dict[WaitLabels, int], dict[WaitLabels, float]]:
    """Return the number of what waits for people, and when the oldest of it was asked, by agent, kind and parked.

    Names beyond MAX_NAMES are counted as one.
    """
    counts, oldest, names = dict[WaitLabels, int](), dict[WaitLabels, float](), set[str]()
    for is_parked, sums in (("true", parked), ("false", waiting)):
        for each in sums:
            key = bounded(each.agent, names, MAX_NAMES), each.kind, is_parked
            counts[key] = counts.get(key, 0) + each.count
            oldest[key] = min(oldest.get(key, each.asked_at), each.asked_at)
    return counts, oldest


def _versions() -> tuple[str, str]:
    try:
        return metadata.version("understudy"), platform.python_version()
    except metadata.PackageNotFoundError:
        return "not installed", platform.python_version()


def _gauge(name: str, text: str, value: float) -> Metric:
    return _gauges(name, text, {(): value})


def _gauges(name: str, text: str, values: Mapping[K, float], *labels: str) -> Metric:
    family = GaugeMetricFamily(f"understudy_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counter(name: str, text: str, values: Mapping[K, int], *labels: str) -> Metric:
    family = CounterMetricFamily(f"understudy_{name}", text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family

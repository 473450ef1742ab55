"""The instruments of /metrics, which scrape.py shows. They outlive the meter's process: the daemon holds them."""

from typing import Final

from agents.extras import extra
from agents.telemetry.instruments import INSTRUMENTS, Instrument
from agents.telemetry.measurements import Measurements

with extra("daemon", "the daemon's metrics"):
    from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

METER: Final = "meter"
"""The registered name of the daemon's meter."""


class Counts(Measurements):
    """The metrics since the daemon's start, and the registry that holds them."""

    def __init__(self) -> None:
        super().__init__()
        # Without this, the library adds a second series to each metric: the time of its creation.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._made = {each.name: self._make(each) for each in INSTRUMENTS}

    def add(self, instrument: Instrument, amount: float, *labels: str) -> None:
        made = self._made[instrument.name]
        chosen = made.labels(*labels) if labels else made
        if isinstance(chosen, Counter):
            chosen.inc(amount)
        else:
            chosen.observe(amount)

    def _make(self, each: Instrument) -> Counter | Histogram:
        labels = [label.replace(".", "_") for label in each.labels]
        if not each.bounds:
            return Counter(each.prometheus, each.text, labels, registry=self.registry)
        return Histogram(each.prometheus, each.text, labels, buckets=each.bounds, registry=self.registry)

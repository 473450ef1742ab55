"""The reference of metrics: what /metrics shows, from the instruments and from a sample of the system's state."""

from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin

import msgspec
from prometheus_client import Metric

from agents.daemon.meter import Counts
from agents.daemon.scrape import registry_of
from agents.daemon.snapshot import Snapshot
from agents.telemetry.instruments import INSTRUMENTS
from docs.site.markdown import code, table

OPENING = """\
# Metrics

`/metrics` of the daemon shows these, in the format of Prometheus. The name of a counter has the suffix `_total` there.
Metrics of a cluster are missing without one, and metrics of sessions where sessions are not kept.
[Health and metrics](../daemon.md#health-and-metrics) describes the route, and
[traces and metrics](../observability.md) how a collector gets the same figures of turns.
"""


def page() -> str:
    """Return the page."""
    head = ("metric", "kind", "labels", "meaning")
    rows = sorted(
        (code(each.name), each.type, ", ".join(map(code, labels)), each.documentation) for each, labels in metrics()
    )
    return f"{OPENING}\n{table(head, sorted(rows))}"


def metrics() -> list[tuple[Metric, list[str]]]:
    """Return every metric with its labels."""
    labels = {each.prometheus: [label.replace(".", "_") for label in each.labels] for each in INSTRUMENTS}
    counted = [(metric, labels[metric.name]) for metric in Counts().registry.collect()]
    present = registry_of(sample(Snapshot)).collect()
    return [*counted, *((metric, list(metric.samples[0].labels)) for metric in present)]


def sample(annotation: Any) -> Any:
    """Return a value of a type in which nothing is empty or missing, so that each metric has a sample."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return {sample(parts[0]): sample(parts[1])}
    if origin is list:
        return [sample(parts[0])]
    if origin is Literal:
        return parts[0]
    if origin is tuple:
        return tuple(map(sample, parts))
    if isinstance(annotation, UnionType):
        return sample(next(part for part in parts if part is not NoneType))
    if issubclass(annotation, msgspec.Struct):
        return annotation(**{field.name: sample(field.type) for field in msgspec.structs.fields(annotation)})
    return annotation()

"""OpenTelemetry's SDK, where the program has not set it up: providers that send to a collector by OTLP.

The environment decides, as everywhere with OpenTelemetry: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_*, OTEL_BSP_*, OTEL_METRIC_EXPORT_INTERVAL, OTEL_SDK_DISABLED and others are
read by the SDK, OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER here.
"""

import os
from importlib.metadata import entry_points
from typing import Any, Final

from agents.core.faults import Fault, InvalidValue
from agents.extras import extra

with extra("otel", "telemetry"):
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

SERVICE: Final = "understudy"
UNKNOWN: Final = "unknown_service"
OTLP: Final = "otlp"


class Providers:
    """The providers of this program. The program has no others after them: OpenTelemetry allows no second ones."""

    def __init__(self, endpoint: str | None) -> None:
        resource = _resource()
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        for exporter in _exporters("traces", endpoint):
            self._tracers.add_span_processor(BatchSpanProcessor(exporter))
        readers = [PeriodicExportingMetricReader(exporter) for exporter in _exporters("metrics", endpoint)]
        self._meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
        trace.set_tracer_provider(self._tracers)
        metrics.set_meter_provider(self._meters)

    def flush(self) -> None:
        """Send what waits. This blocks the thread: up to the exporter's timeout if the collector does not answer."""
        self._tracers.force_flush()
        self._meters.force_flush()


_own: Providers | None = None


def set_up(endpoint: str | None) -> Providers | None:
    """Return this program's own providers, which the first call makes; None if the program has set up OpenTelemetry.

    endpoint: of the collector, without the path; None: that of the environment. Raises InvalidValue.
    """
    global _own
    if _own is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        _own = Providers(endpoint)
    return _own


def _resource() -> Resource:
    found = Resource.create()
    if str(found.attributes.get(SERVICE_NAME, UNKNOWN)).startswith(UNKNOWN):
        found = found.merge(Resource({SERVICE_NAME: SERVICE}))
    return found


def _exporters(signal: str, endpoint: str | None) -> list[Any]:
    """Return the exporters of a signal: traces or metrics."""
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    names = [name.strip() for name in os.environ.get(variable, OTLP).split(",")]
    return [_exporter(signal, name, variable, endpoint) for name in names if name not in ("", "none")]


def _exporter(signal: str, name: str, variable: str, endpoint: str | None) -> Any:
    given = {"endpoint": f"{endpoint.rstrip('/')}/v1/{signal}"} if endpoint is not None and name == OTLP else {}
    known = entry_points(group=f"opentelemetry_{signal}_exporter")
    entry = next(iter(known.select(name="otlp_proto_http" if name == OTLP else name)), None)
    if entry is None:
        raise InvalidValue(Fault((variable,), ", ".join([OTLP, "none", *sorted(known.names)]), name))
    return entry.load()(**given)

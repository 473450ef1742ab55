"""A program that has set up OpenTelemetry: its spans and metrics stay in memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from agents import application
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings, TelemetrySettings, ToolSettings


class Telemetry:
    """The program's spans and metrics."""

    def __init__(self) -> None:
        self._spans, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        if not isinstance(trace.get_tracer_provider(), TracerProvider):  # else an earlier test has set it, for good
            trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
        tracers = trace.get_tracer_provider()
        assert isinstance(tracers, TracerProvider)
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        metrics.set_meter_provider(MeterProvider([self._reader], shutdown_on_exit=False))

    def clear(self) -> None:
        self._spans.clear()

    @property
    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in the order of their begin."""
        return sorted(self._spans.get_finished_spans(), key=lambda span: span.start_time or 0)

    def named(self, name: str) -> ReadableSpan:
        (found,) = (span for span in self.spans if span.name == name)
        return found

    def points(self, name: str) -> list[Any]:
        """Return the data points of a metric."""
        data = self._reader.get_metrics_data()
        scopes = (
            [] if data is None else [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
        )
        return [
            point
            for scope in scopes
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture(scope="session")
def of_the_program() -> Telemetry:
    return Telemetry()


@pytest.fixture
def telemetry(of_the_program: Telemetry) -> Telemetry:
    of_the_program.clear()
    return of_the_program


Traced = Callable[..., AbstractAsyncContextManager[RehearsalServer]]


@pytest.fixture
def traced(request: pytest.FixtureRequest, telemetry: Telemetry) -> Traced:
    """Return a function that runs an application with telemetry. Its arguments are further settings."""

    @asynccontextmanager
    async def running(*, content: bool = False, **settings: Any) -> AsyncIterator[RehearsalServer]:
        script = builtin() | parse(getattr(request.module, "SCRIPT", ""), request.module.__name__)
        async with RehearsalServer(script) as server:
            given: dict[str, Any] = {
                "base_url": server.base_url,
                "api_key": SecretStr("rehearsal"),
                "tools": ToolSettings(workers=1),
                "telemetry": TelemetrySettings(enabled=True, content=content),
            }
            async with application.running(Settings(**(given | settings))):
                yield server

    return running

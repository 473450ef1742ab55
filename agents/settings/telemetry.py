"""The settings of telemetry by OpenTelemetry. Everything else is set by the variables OTEL_* of the environment."""

from pydantic import BaseModel, ConfigDict

from agents.settings.values import HttpAddress


class TelemetrySettings(BaseModel):
    """The settings of traces and metrics that are exported. They need the extra otel.

    content: record messages, arguments and results in spans. endpoint: of a collector that gets OTLP over HTTP, without
    the path; None: that of OTEL_EXPORTER_OTLP_ENDPOINT, else http://localhost:4318. A program that has set up
    OpenTelemetry keeps its own exporters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    content: bool = False
    endpoint: HttpAddress | None = None

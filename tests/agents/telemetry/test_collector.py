"""A program that exports by OTLP over HTTP to a collector, which decodes it with OpenTelemetry's own messages."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agents.rehearsal import RehearsalServer, builtin
from tests.agents.llm.http.loopback import served

PROGRAM = """
import asyncio, sys
from agents import agent, application, start_agent
from agents.settings import Settings, TelemetrySettings

async def main(provider, endpoint):
    for number in range(2):
        telemetry = TelemetrySettings(enabled=True, endpoint=endpoint or None)
        async with application.running(Settings(base_url=provider, api_key="any", telemetry=telemetry)):
            await agent.chat(await start_agent(model="echo"), f"Secret {number}.")

asyncio.run(main(*sys.argv[1:]))
"""
KINDS: dict[str, type[Any]] = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest}


class Collector:
    """The requests of each kind, decoded."""

    def __init__(self) -> None:
        self.got: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        self.headers: list[str | None] = []
        self.address = ""
        self.hangs = False

    async def take(self, request: web.Request) -> web.Response:
        if self.hangs:
            await asyncio.Event().wait()
        kind = request.match_info["kind"]
        message = KINDS[kind]()
        message.ParseFromString(await request.read())
        self.got[kind].append(message)
        self.headers.append(request.headers.get("x-key"))
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self) -> list[Any]:
        scopes = [scope for each in self.got["traces"] for group in each.resource_spans for scope in group.scope_spans]
        return [span for scope in scopes for span in scope.spans]

    @property
    def services(self) -> set[str]:
        resources = [group.resource for each in self.got["traces"] for group in each.resource_spans]
        resources += [group.resource for each in self.got["metrics"] for group in each.resource_metrics]
        return {pair.value.string_value for each in resources for pair in each.attributes if pair.key == "service.name"}

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the last request, by name."""
        groups = self.got["metrics"][-1].resource_metrics
        return {each.name: each for group in groups for scope in group.scope_metrics for each in scope.metrics}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/{kind}", collector.take)
    async with served(app, handler_cancellation=True, shutdown_timeout=0.05) as address:
        collector.address = address
        yield collector


async def ran(*arguments: str, **environ: str) -> tuple[int | None, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, *arguments),
        env=own | environ,
        cwd=Path(__file__).parents[3],
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    return process.returncode, err.decode()


async def test_a_collector_gets_the_spans_and_metrics_of_each_application_of_a_program() -> None:
    async with RehearsalServer(builtin()) as server, collecting() as collector:
        assert await ran(server.base_url, collector.address) == (0, "")
    assert sorted(span.name for span in collector.spans) == [
        *("chat echo", "chat echo", "invoke_agent agent", "invoke_agent agent")
    ]
    assert collector.services == {"understudy"}
    (turns,) = collector.metrics["understudy.turns"].sum.data_points
    assert turns.as_int == 2
    (calls,) = collector.metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert calls.count == 2
    assert "Secret" not in str(collector.got)


async def test_the_variables_of_the_environment_hold() -> None:
    async with RehearsalServer(builtin()) as server, collecting() as collector:
        given = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-key=abc",
            "OTEL_SERVICE_NAME": "theatre",
            "OTEL_METRICS_EXPORTER": "none",
        }
        assert await ran(server.base_url, "", **given) == (0, "")
        unknown = await ran(server.base_url, "", OTEL_TRACES_EXPORTER="nothing")
    assert (len(collector.spans), collector.services, set(collector.headers)) == (4, {"theatre"}, {"abc"})
    assert collector.got["metrics"] == []
    assert unknown[0] == 1
    assert "OTEL_TRACES_EXPORTER: expected otlp, none, console, otlp_proto_http, got nothing" in unknown[1]


async def test_a_program_ends_although_its_collector_does_not_answer() -> None:
    async with RehearsalServer(builtin()) as server, collecting() as collector:
        collector.hangs = True
        code, err = await ran(server.base_url, collector.address)
    assert code == 0
    assert "Traceback" not in err

"""A trace across programs: from a client of the gateway, to an MCP server, to another node, and across a crash."""

import shutil
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from pydantic import SecretStr

from agents import StreamToken, agent, application, start_agent
from agents.cluster.requests import OPENINGS, asked_by
from agents.gateway import Gateway, LiveSessions, serving
from agents.instance.state import StreamChat
from agents.instance.waking import wake
from agents.settings import Durability, GatewaySettings, SessionSettings, Settings, TelemetrySettings
from agents.traces.carrier import within
from tests.agents.gateway.site import TOKEN
from tests.agents.keeping import journal
from tests.agents.mcp.conftest import models, official
from tests.agents.telemetry.conftest import Telemetry, Traced

SCRIPT = (
    models("traced")
    + """
[models.stalls]
[[models.stalls.turns]]
steps = [{ text = ["One ", "two."], fault = { name = "stall", after_tokens = 1, times = 1 } }]
"""
)

TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


def parent_of(span: ReadableSpan) -> str:
    assert span.parent is not None
    return f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}"


def own(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}-{span.context.span_id:016x}"


@pytest.mark.parametrize("valid", [True, False])
async def test_a_request_to_the_gateway_is_the_parent_of_its_turn(
    valid: bool, traced: Traced, telemetry: Telemetry
) -> None:
    async with traced() as server:
        settings = Settings(
            base_url=server.base_url,
            api_key=SecretStr("any"),
            gateway=GatewaySettings(port=0),
            telemetry=TelemetrySettings(enabled=True),
        )
        app = Gateway(settings, LiveSessions(), TOKEN)
        headers = {"authorization": f"Bearer {TOKEN}", "traceparent": PARENT if valid else "00-0-0-00"}
        async with (
            serving(app, settings) as served,
            aiohttp.ClientSession(f"http://127.0.0.1:{served.port}", headers=headers) as http,
        ):
            await start_agent(id="ada", model="echo")
            async with http.post("/agents/ada/chat", json={"message": "Hi."}) as answer:
                assert answer.status == 200
            async with http.ws_connect("/ws") as socket:
                await socket.send_json({"action": "stream_chat", "agent_id": "ada", "message": "Ho."})
                while (await socket.receive_json())["type"] != "complete":
                    pass
            await agent.info("ada")
    turns = [span for span in telemetry.spans if span.name.startswith("invoke_agent")]
    assert len(turns) == 2
    assert [span.parent and parent_of(span) for span in turns] == [f"{TRACE_ID}-{SPAN_ID}" if valid else None] * 2


async def test_a_call_of_an_mcp_server_carries_the_trace_of_the_tool_call(traced: Traced, telemetry: Telemetry) -> None:
    async with traced():
        pid = await start_agent(model="calls traced", tools=[official()])
        response = await agent.chat(pid, "{}")
    called, request = telemetry.named("execute_tool traced"), telemetry.named("MCP send tools/call traced")
    assert parent_of(request) == own(called)
    assert response.answer == own(request)


def test_a_message_for_another_node_has_the_trace_of_its_sender() -> None:
    chat = StreamChat("Hi.", stream_id="s", trace={"traceparent": PARENT})
    sent: Any = OPENINGS.unpacked(OPENINGS.packed(asked_by(chat)))
    assert sent.trace == {"traceparent": PARENT}


async def test_a_turn_that_continues_after_a_crash_is_linked_to_its_span_before(
    traced: Traced, telemetry: Telemetry, tmp_path: Path
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    async with traced(sessions=kept(before)):
        pid = await start_agent(id="ada", model="stalls")
        with within({"traceparent": PARENT}):
            stream = agent.stream(pid, "?")
            async for event in stream:
                if isinstance(event, StreamToken):
                    break
        await (await journal()).durable()
        shutil.copytree(before, after)  # what a crash of the program would leave now
        telemetry.clear()
        await agent.cancel(pid)
        await agent.info(pid)
        (cut,) = (span for span in telemetry.spans if span.name == "invoke_agent agent")
        await application.stop()
        telemetry.clear()
    async with traced(sessions=kept(after)):
        continued = await wake("ada")
        assert continued is not None
        assert await agent.cancel(continued)
    (resumed,) = (span for span in telemetry.spans if span.name == "invoke_agent agent")
    assert resumed.parent is None
    assert [f"{link.context.trace_id:032x}-{link.context.span_id:016x}" for link in resumed.links] == [own(cut)]
    assert parent_of(cut) == f"{TRACE_ID}-{SPAN_ID}"


def kept(folder: Path) -> SessionSettings:
    return SessionSettings(url=f"sqlite:///{folder}/sessions.db", durability=Durability.BATCHED)

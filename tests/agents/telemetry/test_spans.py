"""The spans of a turn: their tree, their attributes, and their context in requests, in workers and from callers."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from actors import KILL
from actors import exit as send_exit
from agents import StreamError, agent, start_agent, tool
from agents.llm.endpoint import Endpoint
from agents.llm.model_server import server_of
from tests.agents.llm.http.loopback import served
from tests.agents.llm.scripted import SAID
from tests.agents.sample_tools import raises, waits_long
from tests.agents.telemetry.conftest import Telemetry, Traced

SCRIPT = """
[models.asks]
[[models.asks.turns]]
[[models.asks.turns.steps]]
text = "I look. "
tool_calls = [{ name = "placed", arguments = {} }]
usage = { input_tokens = 90, output_tokens = 10 }
[[models.asks.turns.steps]]
text = ["Secret ", "words."]
usage = { input_tokens = 95, output_tokens = 5 }

[models.fails]
[[models.fails.turns]]
steps = [{ tool_calls = [{ name = "raises", arguments = { text = "x" } }] }, { text = "Well." }]

[models.delegates]
[[models.delegates.turns]]
steps = [{ tool_calls = [{ name = "below", arguments = { message = "x" } }] }, { text = "Well." }]

[models.invents]
[[models.invents.turns]]
steps = [{ tool_calls = [{ name = "nothing", arguments = {} }] }, { text = "Well." }]

[models.drops]
[[models.drops.turns]]
steps = [{ text = ["All ", "is ", "well."], fault = { name = "drop", after_tokens = 1, times = 1 } }]

[models.digs]
[[models.digs.turns]]
steps = [{ tool_calls = [{ name = "waits_long", arguments = { mark = "{user}" } }] }, { text = "?" }]
"""


@tool
def placed() -> str:
    """Return the trace of the tool's own spans, and that of the programs that it starts."""
    own = trace.get_current_span().get_span_context()
    return f"{own.trace_id:032x}-{own.span_id:016x} {os.environ['TRACEPARENT']}"


def context_of(span: ReadableSpan) -> trace.SpanContext:
    context: trace.SpanContext | None = span.context
    assert context is not None
    return context


def id_of(span: ReadableSpan) -> int:
    return context_of(span).span_id


def place_of(span: ReadableSpan) -> str:
    """Return the trace and the span, as in a traceparent."""
    context = context_of(span)
    return f"{context.trace_id:032x}-{context.span_id:016x}"


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_turn_has_a_span_with_its_model_calls_and_tool_calls_below_it(
    traced: Traced, telemetry: Telemetry
) -> None:
    async with traced():
        pid = await start_agent(id="ada", name="Ada", model="asks", tools=[placed], model_options={"temperature": 0.5})
        response = await agent.chat(pid, "Secret question?")
    turn, asked, called, answered = telemetry.spans
    assert [span.name for span in telemetry.spans] == [
        "invoke_agent Ada",
        "chat asks",
        "execute_tool placed",
        "chat asks",
    ]
    assert [span.kind for span in telemetry.spans] == [
        *(SpanKind.INTERNAL, SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.CLIENT)
    ]
    assert turn.parent is None
    assert {each.parent and each.parent.span_id for each in (asked, called, answered)} == {id_of(turn)}
    whole = attributes(turn)
    stream_id = whole.pop("understudy.stream.id")
    assert stream_id
    assert whole == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.id": "ada",
        "gen_ai.agent.name": "Ada",
        "gen_ai.conversation.id": "ada",
        "gen_ai.usage.input_tokens": 185,
        "gen_ai.usage.output_tokens": 15,
        "gen_ai.usage.cache_read.input_tokens": response.usage.cached_tokens,
        "gen_ai.response.model": "asks",
    }
    last = attributes(answered)
    assert 0 <= last.pop("gen_ai.response.time_to_first_chunk") < 60
    assert last.pop("gen_ai.response.id")
    assert last.pop("server.port")
    assert last.pop("gen_ai.usage.cache_read.input_tokens", 0) == 0
    assert last.pop("gen_ai.usage.reasoning.output_tokens", 0) == 0
    assert last == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "asks",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.model": "asks",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 95,
        "gen_ai.usage.output_tokens": 5,
        "server.address": "127.0.0.1",
    }
    assert attributes(called) | {"gen_ai.tool.call.id": ""} == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "placed",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "",
    }
    assert "ecret" not in str([span.to_json() for span in telemetry.spans])


async def test_the_turn_of_a_sub_agent_is_below_the_call_that_it_answers(traced: Traced, telemetry: Telemetry) -> None:
    async with traced():
        below = agent.as_tool({"name": "below", "model": "echo"}, description="Repeat.")
        await agent.chat(await start_agent(name="Ada", model="delegates", tools=[below]), "x")
    turn, _, called, sub_agent, asked, _ = telemetry.spans
    assert [each.name for each in (turn, called, sub_agent, asked)] == [
        *("invoke_agent Ada", "execute_tool below", "invoke_agent below", "chat echo")
    ]
    assert [each.parent and each.parent.span_id for each in (called, sub_agent, asked)] == [
        *(id_of(turn), id_of(called), id_of(sub_agent))
    ]


async def test_content_is_recorded_only_if_the_settings_say_so(traced: Traced, telemetry: Telemetry) -> None:
    async with traced(content=True):
        pid = await start_agent(model="asks", tools=[placed], system_prompt="Be brief.")
        await agent.chat(pid, "Secret question?")
    turn, asked, called, answered = map(attributes, telemetry.spans)
    question = '[{"role":"user","parts":[{"type":"text","content":"Secret question?"}]}]'
    assert turn["gen_ai.input.messages"] == asked["gen_ai.input.messages"] == question
    assert asked["gen_ai.system_instructions"] == '[{"type":"text","content":"Be brief."}]'
    assert '"name":"placed"' in asked["gen_ai.tool.definitions"]
    assert '{"type":"text","content":"I look. "},{"type":"tool_call","id":' in asked["gen_ai.output.messages"]
    assert called["gen_ai.tool.call.arguments"] == "{}"
    assert "00-" in called["gen_ai.tool.call.result"]
    assert '"tool_call_response"' in answered["gen_ai.input.messages"]
    answer = '[{"role":"assistant","parts":[{"type":"text","content":"Secret words."}],"finish_reason":"stop"}]'
    assert answered["gen_ai.output.messages"] == answer
    assert "I look. Secret words." in turn["gen_ai.output.messages"]


async def test_a_tool_in_a_worker_and_its_programs_have_the_trace_of_the_call(
    traced: Traced, telemetry: Telemetry
) -> None:
    async with traced(content=True):
        await agent.chat(await start_agent(model="asks", tools=[placed]), "?")
    called = telemetry.named("execute_tool placed")
    assert (
        attributes(called)["gen_ai.tool.call.result"].rpartition("-")[0] == f"{place_of(called)} 00-{place_of(called)}"
    )


async def test_a_turn_belongs_to_the_trace_of_its_caller(traced: Traced, telemetry: Telemetry) -> None:
    async with traced():
        pid = await start_agent(model="echo")
        with trace.get_tracer("host").start_as_current_span("request"):
            await agent.chat(pid, "One.")
        await agent.chat(pid, "Two.")
    first, second = (span for span in telemetry.spans if span.name == "invoke_agent agent")
    assert first.parent is not None
    assert first.parent.span_id == id_of(telemetry.named("request"))
    assert second.parent is None


@asynccontextmanager
async def provider(*, held_open: bool = False) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve a model that says "Hi"; yield its address, and the traceparent of each request.

    held_open: the body has no end after the answer.
    """
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["traceparent"])
        if not held_open:
            return web.Response(body=SAID, content_type="text/event-stream")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(SAID)
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    async with served(app, handler_cancellation=True, shutdown_timeout=0.05) as address:
        yield f"{address}/v1", seen


async def test_a_model_call_whose_connection_is_read_to_its_end_when_the_program_ends_has_its_answer(
    traced: Traced, telemetry: Telemetry
) -> None:
    async with provider(held_open=True) as (address, _), traced(base_url=address, content=True):
        assert (await agent.chat(await start_agent(model="any"), "?")).content == "Hi"
    called = attributes(telemetry.named("chat any"))
    assert "error.type" not in called
    assert called["gen_ai.response.finish_reasons"] == ("stop",)
    assert '"content":"Hi"' in called["gen_ai.output.messages"]


async def test_each_request_to_a_provider_carries_the_span_of_its_model_call(
    traced: Traced, telemetry: Telemetry
) -> None:
    async with provider() as (address, seen), traced():
        pid = await start_agent(model="any", base_url=address, api_key="any")
        await agent.chat(pid, "One.")
        await agent.chat(pid, "Two.")
    calls = [place_of(span) for span in telemetry.spans if span.name == "chat any"]
    assert [trace_of.split("-", 1)[1].rpartition("-")[0] for trace_of in seen] == calls
    assert len(seen) == 2


async def test_each_retry_of_a_model_call_has_a_span_and_the_fault_its_kind(
    traced: Traced, telemetry: Telemetry
) -> None:
    async with traced():
        pid = await start_agent(model="drops", streaming_config={"max_retries": 1, "retry_after_output": True})
        await agent.chat(pid, "?")
    turn, first, second = telemetry.spans
    assert (first.status.status_code, first.status.description) == (StatusCode.ERROR, "connection_closed")
    assert attributes(first)["error.type"] == "connection_closed"
    assert "gen_ai.response.finish_reasons" not in attributes(first)
    assert second.status.status_code is turn.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(("model", "error"), [("fails", "raised"), ("invents", "unknown_tool")])
async def test_a_failed_call_has_its_kind_and_not_its_words(
    model: str, error: str, traced: Traced, telemetry: Telemetry
) -> None:
    async with traced():
        await agent.chat(await start_agent(model=model, tools=[raises]), "?")
    (called,) = (span for span in telemetry.spans if span.name.startswith("execute_tool"))
    assert (called.status.status_code, attributes(called)["error.type"]) == (StatusCode.ERROR, error)
    assert "no such" not in called.to_json()


async def test_the_spans_of_a_cancelled_turn_end_with_it(traced: Traced, telemetry: Telemetry, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    async with traced():
        pid = await start_agent(id="digger", model="digs", tools=[waits_long])
        async for event in agent.stream(pid, str(mark)):
            if event.__struct_config__.tag == "stream_tool_start":
                await agent.cancel(pid)
            last = event
        assert isinstance(last, StreamError)
        await agent.info(pid)
    turn, asked, called = telemetry.spans
    assert [attributes(span).get("error.type") for span in (turn, asked, called)] == ["cancelled", None, "cancelled"]


async def test_the_spans_of_a_turn_end_with_its_killed_agent(
    traced: Traced, telemetry: Telemetry, tmp_path: Path
) -> None:
    async with traced():
        pid = await start_agent(id="digger", model="digs", tools=[waits_long])
        async for event in agent.stream(pid, str(tmp_path / "mark")):
            if event.__struct_config__.tag == "stream_tool_start":
                send_exit(pid, KILL)
        assert isinstance(event, StreamError)
    found = {span.name: attributes(span).get("error.type") for span in telemetry.spans}
    assert found == {
        "invoke_agent agent": "handler_crashed",
        "chat digs": None,
        "execute_tool waits_long": "cancelled",
    }


async def test_a_host_without_the_setting_gets_no_spans(traced: Traced, telemetry: Telemetry) -> None:
    from agents.settings import TelemetrySettings

    async with traced(telemetry=TelemetrySettings()):
        await agent.chat(await start_agent(model="echo"), "Hi.")
    assert telemetry.spans == []


@pytest.mark.parametrize(
    ("address", "version", "name"),
    [
        ("https://api.openai.com/v1", None, "openai"),
        ("http://127.0.0.1:11434/v1", None, "openai"),
        ("https://api.groq.com/openai/v1", None, "groq"),
        ("https://api.x.ai/v1", None, "x_ai"),
        ("https://max.ai/v1", None, "openai"),
        ("https://bedrock-mantle.us-east-1.api.aws/openai/v1", None, "aws.bedrock"),
        ("https://us.example.azure.com/openai", None, "azure.ai.openai"),
        ("https://own.example.org/openai", "2024-10-21", "azure.ai.openai"),
        ("http://[::1", None, "openai"),
    ],
)
def test_a_provider_has_the_name_of_the_conventions(address: str, version: str | None, name: str) -> None:
    assert server_of(Endpoint(address, api_version=version)).provider == name

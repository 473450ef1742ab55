"""The spans that OpenTelemetry records, with the names of its conventions for GenAI.

The provider of spans is the program's own, or that of agents/telemetry/. Messages, arguments and results are recorded
only if the setting telemetry.content is true.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from agents.extras import extra

with extra("otel", "telemetry"):
    from opentelemetry import context, propagate, trace
    from opentelemetry.context import Context
    from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

from agents.core.conversation import Conversation, ToolCall
from agents.core.events import StreamComplete, StreamError, ToolResult
from agents.core.response import Response
from agents.traces import attributes as names
from agents.traces.attributes import Attributes, answer_attributes, request_attributes
from agents.traces.calls import ModelCalled, TracedRequest
from agents.traces.carrier import NO_TRACE, Carrier, Propagator
from agents.traces.content import clean, instructions_json, json_text, messages_json, tools_json
from agents.traces.span import ModelSpan, ToolSpan, Tracer, TurnBegun, TurnSpan

NAME: Final = "understudy"
"""The name of the instrumentation."""


class ContextPropagator(Propagator):
    """Reads and sets OpenTelemetry's context."""

    def carried(self) -> Carrier:
        return _carrier(None)

    @contextmanager
    def within(self, carrier: Carrier) -> Iterator[None]:
        given = propagate.extract(carrier)
        if not trace.get_current_span(given).get_span_context().is_valid:
            yield
            return
        token = context.attach(given)
        try:
            yield
        finally:
            context.detach(token)


class RecordingTracer(Tracer):
    """Begins spans of the program's provider. with_content: they have messages, arguments and results."""

    __slots__ = ("_tracer", "_with_content")

    def __init__(self, *, with_content: bool) -> None:
        self._tracer, self._with_content = trace.get_tracer(NAME), with_content

    def turn(self, begun: TurnBegun) -> TurnSpan:
        known: Attributes = {
            names.OPERATION: names.INVOKE_AGENT,
            names.AGENT_ID: begun.agent_id,
            names.AGENT_NAME: clean(begun.agent_name),
            names.CONVERSATION_ID: begun.agent_id,
            names.STREAM_ID: begun.stream_id,
        }
        if self._with_content:
            known[names.INPUT_MESSAGES] = messages_json(begun.opening)
        before = trace.get_current_span(propagate.extract(begun.before, Context())).get_span_context()
        span = self._tracer.start_span(
            f"{names.INVOKE_AGENT} {known[names.AGENT_NAME]}",
            propagate.extract(begun.caller, Context()),  # not the context in which the application was started
            SpanKind.INTERNAL,
            known,
            [Link(before)] if before.is_valid else None,
        )
        return _Turn(self._tracer, span, with_content=self._with_content)


class _Turn(TurnSpan):
    __slots__ = ("_carrier", "_context", "_span", "_tracer", "_with_content")

    def __init__(self, tracer: trace.Tracer, span: Span, *, with_content: bool) -> None:
        self._tracer, self._span, self._with_content = tracer, span, with_content
        self._context = trace.set_span_in_context(span, Context())
        self._carrier: Carrier | None = None

    @property
    def carrier(self) -> Carrier:
        if self._carrier is None:
            self._carrier = _carrier(self._context)
        return self._carrier

    def model_call(self, request: TracedRequest) -> ModelSpan:
        known = request_attributes(request)
        if self._with_content:
            known[names.INPUT_MESSAGES] = messages_json(request.conversation)
            _add(known, names.SYSTEM_INSTRUCTIONS, instructions_json(request.conversation))
            _add(known, names.TOOL_DEFINITIONS, tools_json(request.tools))
        name = f"{names.CHAT} {known[names.REQUEST_MODEL]}"
        span = self._tracer.start_span(name, self._context, SpanKind.CLIENT, known)
        return _ModelCall(span, with_content=self._with_content)

    def tool_call(self, call: ToolCall) -> ToolSpan:
        known: Attributes = {
            names.OPERATION: names.EXECUTE_TOOL,
            names.TOOL_NAME: clean(call.name),
            names.TOOL_TYPE: call.type,
            names.TOOL_CALL_ID: clean(call.id),
        }
        if self._with_content:
            known[names.TOOL_ARGUMENTS] = clean(call.arguments)
        name = f"{names.EXECUTE_TOOL} {known[names.TOOL_NAME]}"
        span = self._tracer.start_span(name, self._context, SpanKind.INTERNAL, known)
        return _ToolCall(span, with_content=self._with_content)

    def end(self, outcome: StreamComplete | StreamError | None) -> None:
        response, error = None if outcome is None else outcome.response, None
        if isinstance(outcome, StreamError):
            error = str(outcome.reason.__struct_config__.tag)
        _end(self._span, {} if response is None else self._answer(response), error)

    def _answer(self, response: Response) -> Attributes:
        known: Attributes = {}
        _add(known, names.INPUT_TOKENS, response.usage.input_tokens)
        _add(known, names.OUTPUT_TOKENS, response.usage.output_tokens)
        _add(known, names.CACHED_TOKENS, response.usage.cached_tokens)
        _add(known, names.RESPONSE_MODEL, response.model and clean(response.model))
        if self._with_content:
            part = {"type": "text", "content": response.content}
            known[names.OUTPUT_MESSAGES] = json_text([{"role": "assistant", "parts": [part]}])
        return known


class _ModelCall(ModelSpan):
    __slots__ = ("_span", "_with_content")

    def __init__(self, span: Span, *, with_content: bool) -> None:
        self._span, self._with_content = span, with_content

    @property
    def has_content(self) -> bool:
        return self._with_content

    @contextmanager
    def entered(self) -> Iterator[None]:
        token = context.attach(trace.set_span_in_context(self._span))
        try:
            yield
        finally:
            context.detach(token)

    def end(self, called: ModelCalled, answer: Conversation = ()) -> None:
        known = answer_attributes(called)
        if answer:
            known[names.OUTPUT_MESSAGES] = messages_json(answer, called.finish_reason)
        _end(self._span, known, called.error)


class _ToolCall(ToolSpan):
    __slots__ = ("_span", "_with_content")

    def __init__(self, span: Span, *, with_content: bool) -> None:
        self._span, self._with_content = span, with_content

    @property
    def carrier(self) -> Carrier:
        return _carrier(trace.set_span_in_context(self._span, Context()))

    def end(self, result: ToolResult | None) -> None:
        if result is None:
            return _end(self._span, {}, "cancelled")
        known: Attributes = {names.TOOL_ATTEMPTS: result.attempts} if result.attempts > 1 else {}
        if self._with_content:
            known[names.TOOL_RESULT] = clean(result.content)
        return _end(self._span, known, result.error)


def _end(span: Span, known: Attributes, error: str | None) -> None:
    """End a span. error: its kind, without the fault's text, which may quote a message or a key."""
    if not span.is_recording():
        return  # it has ended, or its trace is not sampled
    if error is not None:
        known[names.ERROR_TYPE] = error
        span.set_status(Status(StatusCode.ERROR, error))
    if known:
        span.set_attributes(known)
    span.end()


def _add(known: Attributes, name: str, value: object) -> None:
    if value is not None:
        known[name] = value


def _carrier(within: Context | None) -> Carrier:
    carrier: dict[str, str] = {}
    propagate.inject(carrier, within)
    return carrier or NO_TRACE

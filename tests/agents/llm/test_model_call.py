"""A model call over real HTTP: each event and fault is a delta, and the last delta is the outcome."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors import AsyncioSystemBase, get_state
from agents.core.conversation import UserMessage
from agents.core.deltas import CallDone, CallStarted, Delta, Failed, Finished, ReasoningDelta, TextDelta
from agents.core.errors import ApiError, CircuitOpen, ConnectionClosed, Fault, NetworkError, ParseError, Timeout
from agents.core.retry import RetryPolicy
from agents.llm.breaker import CLOSED, BreakerPolicy, Closed, Open
from agents.llm.call import ModelCallDeadlines, Route, model_call
from agents.llm.endpoint import Api, Endpoint
from agents.llm.llm_supervisor import LlmSupervisor
from agents.llm.provider import LLM_SUPERVISOR, ProviderPolicy, open_provider
from agents.rehearsal import RehearsalServer, builtin, parse
from supervisors import ChildSpec, Flags, start_supervisor
from tests.agents.stage import FAULTS

SCRIPT = """
[models.caller]
turns = [{ steps = [{ reasoning = "Look it up.", text = "One moment.", tool_calls = [
    { name = "search", arguments = { q = "a" } }, { name = "search", arguments = { q = "b" } },
] }] }]

[models.breaks-twice]
turns = [{ steps = [{ reasoning = "Hm, hm.", text = "One two three four five.", tool_calls = [
    { name = "search", arguments = { question = "what is it?" } },
], fault = { name = "close", after_tokens = 3, times = 2 } }] }]

[models.breaks-after-all]
turns = [{ steps = [{ text = "One two three.", fault = { name = "truncate", after_tokens = 3, times = 1 } }] }]

[models.breaks-always]
turns = [{ steps = [{ text = "One two three.", fault = "truncate" }] }]

[models.stalls-once]
turns = [{ steps = [{ text = "One two three.", fault = { name = "stall", after_tokens = 2, times = 1 } }] }]

[models.slow]
first_token_delay_s = 0.0
token_delay_s = 30.0
turns = [{ steps = [{ text = "One two three." }] }]
"""
QUICK = ModelCallDeadlines(connect_s=5.0, first_byte_s=0.4, idle_s=0.4)
PATIENT = ModelCallDeadlines()
AT_ONCE = RetryPolicy(first_wait_s=0.001)


@pytest.fixture
async def server() -> AsyncIterator[RehearsalServer]:
    async with RehearsalServer(builtin() | parse(SCRIPT, "test.toml")) as server, providers():
        yield server


@asynccontextmanager
async def providers(policy: ProviderPolicy | None = None) -> AsyncIterator[None]:
    spec = ChildSpec(LLM_SUPERVISOR, LlmSupervisor, policy or ProviderPolicy(), name=LLM_SUPERVISOR)
    async with AsyncioSystemBase():
        await start_supervisor(Flags(), [spec])
        yield


@pytest.fixture(params=list(Api))
def api(request: pytest.FixtureRequest) -> Api:
    found: Api = request.param
    return found


def route(server: RehearsalServer, model: str, api: Api, **options: object) -> Route:
    return Route(Endpoint(server.base_url, "any"), model, api, options)


async def asked(
    route: Route, *, deadlines: ModelCallDeadlines = PATIENT, stream: bool = True, retry: RetryPolicy = AT_ONCE
) -> list[Delta]:
    deltas: list[Delta] = []
    await model_call(route, (UserMessage("hello"),), deltas.extend, deadlines=deadlines, stream=stream, retry=retry)
    assert [isinstance(delta, Finished | Failed) for delta in deltas] == [False] * (len(deltas) - 1) + [True]
    return deltas


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def digest(deltas: list[Delta]) -> list[object]:
    """Return the answer with joined pieces and without ids. Pieces and ids differ between equal answers."""
    joined: dict[type, str] = {}
    calls: list[object] = []
    for delta in deltas:
        match delta:
            case TextDelta(text) | ReasoningDelta(text):
                joined[type(delta)] = joined.get(type(delta), "") + text
            case CallStarted(index, _, name):
                calls.append((index, name))
            case CallDone(index, arguments):
                calls.append((index, arguments))
            case Finished():
                calls.append((delta.reason, delta.usage, delta.model, delta.complete))
    return [joined, sorted(calls, key=str)]


# The error handling flow has five rows: network, timeout, parse and API are here, tools belong to the turn


# A cut body is invalid JSON. A reset before the first byte of the body is a network error.
FAULTS_OF_WHOLE = FAULTS | {"fault-drop": NetworkError, "fault-truncate": ParseError}


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("model", FAULTS)
async def test_a_fault_is_one_failed_delta_after_the_received_deltas(
    server: RehearsalServer, api: Api, model: str, stream: bool
) -> None:
    deadlines = QUICK if FAULTS[model] is Timeout else PATIENT
    deltas = await asked(route(server, model, api), deadlines=deadlines, stream=stream)
    assert isinstance(deltas[-1], Failed)
    assert isinstance(deltas[-1].fault, (FAULTS if stream else FAULTS_OF_WHOLE)[model])
    assert server.requests[-1]["stream"] is stream
    assert len(server.requests) == 1


async def test_a_connection_that_is_refused_is_a_network_error(api: Api) -> None:
    async with providers():
        deltas = await asked(Route(Endpoint("http://127.0.0.1:1/v1", "any"), "any", api))
    assert deltas == [Failed(NetworkError("econnrefused", "127.0.0.1:1"))]


async def test_a_server_that_accepts_the_connection_and_stays_silent_misses_the_first_deadline() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # to its end: the client has closed the connection
        writer.close()
        closed.set()

    closed = asyncio.Event()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server, providers():
        port = server.sockets[0].getsockname()[1]
        deltas = await asked(Route(Endpoint(f"http://127.0.0.1:{port}/v1", "any"), "any"), deadlines=QUICK)
        assert deltas == [Failed(Timeout("first data from the provider", 0.4))]
        await closed.wait()


async def test_a_handshake_that_never_ends_passes_the_connections_deadline() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    deadlines = ModelCallDeadlines(connect_s=0.2, first_byte_s=30.0)
    async with await asyncio.start_server(mute, "127.0.0.1", 0) as server, providers():
        port = server.sockets[0].getsockname()[1]
        deltas = await asked(Route(Endpoint(f"https://127.0.0.1:{port}/v1", "any"), "any"), deadlines=deadlines)
    assert deltas == [Failed(Timeout("connection", 0.2))]


async def test_without_a_key_a_call_fails_as_the_provider_would_say_it(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (failed,) = await asked(Route(Endpoint(server.base_url), "echo"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ApiError)
    assert (failed.fault.code, failed.fault.kind) == (401, "missing_key")


@pytest.mark.parametrize("key", ["k\n", "\u043a\u043b\u044e\u0447", "\ud800", "a b\r"])
async def test_a_key_that_no_request_can_carry_fails_as_the_provider_would_say_it(
    server: RehearsalServer, key: str
) -> None:
    (failed,) = await asked(Route(Endpoint(server.base_url, key), "echo"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ApiError)
    assert (failed.fault.code, failed.fault.kind) == (401, "invalid_key")
    assert key not in failed.fault.message


@pytest.mark.parametrize("address", ["http://[::1", "http://host:port/v1", "http://host:99999", "ftp://host"])
async def test_an_invalid_address_in_the_environment_is_a_network_error(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    async with providers():
        (failed,) = await asked(Route(Endpoint(None, "any"), "echo"))
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, NetworkError)
    assert failed.fault.posix == "einval"


async def test_a_refusal_has_the_wait_that_the_provider_asks_for(server: RehearsalServer, api: Api) -> None:
    (failed,) = await asked(route(server, "fault-rate_limit", api))
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, ApiError)
    assert (failed.fault.code, failed.fault.retry_after_s) == (429, 1.0)


@pytest.mark.parametrize("error", [OSError("disk full"), TimeoutError(), KeyError("bug")], ids=repr)
async def test_an_error_of_the_sink_is_raised_and_not_counted_against_the_provider(
    server: RehearsalServer, api: Api, error: Exception
) -> None:
    def failing(_: list[Delta]) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await model_call(route(server, "echo", api), (UserMessage("?"),), failing, deadlines=PATIENT)
    assert raised.value is error
    state = await get_state(await open_provider(Endpoint(server.base_url, "any")))
    assert (state.leases, state.breaker) == ({}, CLOSED)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\x00\x01 no HTTP\r\n\r\n", ParseError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nno gzip", ParseError),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ConnectionClosed),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndata:", ConnectionClosed),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            ParseError,
        ),
    ],
    ids=["no HTTP", "no gzip", "no content", "cut body", "no chunk"],
)
async def test_bytes_that_are_not_an_http_answer_are_a_fault(head: bytes, expected: type[Fault]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, providers():
        port = server.sockets[0].getsockname()[1]
        deltas = await asked(Route(Endpoint(f"http://127.0.0.1:{port}/v1", "any"), "any"))
    (failed,) = deltas
    assert isinstance(failed, Failed)
    assert isinstance(failed.fault, expected)


# Both modes


@pytest.mark.parametrize("model", ["caller", "fault-length", "echo"])
async def test_a_whole_answer_says_what_the_streamed_one_says(server: RehearsalServer, api: Api, model: str) -> None:
    asking = route(server, model, api)
    assert digest(await asked(asking, stream=False)) == digest(await asked(asking))
    assert [request["stream"] for request in server.requests] == [False, True]


# Cancelling


async def test_a_cancelled_call_closes_its_connection_and_gives_its_lease_back() -> None:
    began, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\n\r\ndata: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
        await reader.read()  # to its end: the client has closed the connection
        writer.close()
        closed.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, providers():
        endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "any")
        asking = model_call(Route(endpoint, "any"), (UserMessage("?"),), lambda _: began.set(), deadlines=PATIENT)
        calling = asyncio.create_task(asking)
        await began.wait()
        calling.cancel()
        await asyncio.wait([calling])
        assert calling.cancelled()
        await closed.wait()
        state = await get_state(await open_provider(endpoint))
        assert (state.leases, state.breaker) == ({}, CLOSED)


# The breaker


async def test_a_provider_that_fails_gets_no_more_calls(server: RehearsalServer, api: Api) -> None:
    async with providers(ProviderPolicy(BreakerPolicy(max_failures=2))):
        for _ in range(2):
            await asked(route(server, "fault-overloaded", api))
        (failed,) = await asked(route(server, "echo", api))
        assert isinstance(failed, Failed)
        assert isinstance(failed.fault, CircuitOpen)
        assert failed.fault.provider == server.base_url
        assert len(server.requests) == 2
        state = await get_state(await open_provider(Endpoint(server.base_url, "any")))
        assert isinstance(state.breaker, Open)


@pytest.mark.parametrize("model", ["fault-rate_limit", "no-such-model", "echo"])
async def test_a_provider_that_answers_or_is_busy_is_asked_again(server: RehearsalServer, api: Api, model: str) -> None:
    async with providers(ProviderPolicy(BreakerPolicy(max_failures=1))):
        for _ in range(3):
            await asked(route(server, model, api))
        state = await get_state(await open_provider(Endpoint(server.base_url, "any")))
    assert state.breaker == Closed(0)
    assert len(server.requests) == 3


# Responses in background mode


@pytest.mark.parametrize("model", ["breaks-twice", "breaks-after-all", "stalls-once"])
async def test_a_background_response_is_resumed_where_it_broke(server: RehearsalServer, model: str) -> None:
    deadlines = QUICK if model == "stalls-once" else PATIENT
    plain = [await asked(route(server, model, Api.RESPONSES), deadlines=deadlines)]
    while isinstance(plain[-1][-1], Failed):
        plain.append(await asked(route(server, model, Api.RESPONSES), deadlines=deadlines))
    resumed = await asked(route(server, model, Api.RESPONSES, background=True), deadlines=deadlines)
    assert len(plain) > 1
    assert digest(resumed) == digest(plain[-1])
    assert server.cancelled == []


async def test_a_background_response_asked_for_whole_is_streamed(server: RehearsalServer) -> None:
    deltas = await asked(route(server, "echo", Api.RESPONSES, background=True), stream=False)
    assert text_of(deltas) == "hello"
    assert server.requests[-1]["stream"] is True


@pytest.mark.parametrize("retries", [0, 1])
async def test_a_break_that_retries_do_not_mend_ends_the_response(server: RehearsalServer, retries: int) -> None:
    retry = RetryPolicy(retries, first_wait_s=0.001)
    deltas = await asked(route(server, "breaks-always", Api.RESPONSES, background=True), retry=retry)
    assert deltas == [Failed(ConnectionClosed())]
    assert len(server.cancelled) == 1


async def test_an_error_that_the_provider_names_is_not_resumed(server: RehearsalServer) -> None:
    deltas = await asked(route(server, "fault-error_event", Api.RESPONSES, background=True))
    assert isinstance(deltas[-1], Failed)
    assert isinstance(deltas[-1].fault, ApiError)
    assert server.cancelled == []


async def test_a_cancelled_call_cancels_its_background_response(server: RehearsalServer) -> None:
    began = asyncio.Event()
    slow = route(server, "slow", Api.RESPONSES, background=True)
    calling = asyncio.create_task(model_call(slow, (UserMessage("?"),), lambda _: began.set(), deadlines=PATIENT))
    await began.wait()
    calling.cancel()
    await asyncio.wait([calling])
    assert calling.cancelled()
    assert len(server.cancelled) == 1


async def test_a_provider_that_does_not_answer_the_cancel_delays_nothing() -> None:
    event = b'data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1"}}\n\n'
    text = b'data: {"type":"response.output_text.delta","sequence_number":1,"delta":"Hi"}\n\n'
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + event + text if len(asked) == 1 else b"")
        await reader.read()
        writer.close()

    began = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, providers():
        endpoint = Endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "any")
        asking = Route(endpoint, "any", Api.RESPONSES, {"background": True})
        calling = asyncio.create_task(model_call(asking, (UserMessage("?"),), lambda _: began.set(), deadlines=PATIENT))
        await began.wait()
        calling.cancel()
        await asyncio.wait([calling])
    assert calling.cancelled()
    assert [line.split()[:2] for line in asked] == [
        [b"POST", b"/v1/responses"],
        [b"POST", b"/v1/responses/resp_1/cancel"],
    ]

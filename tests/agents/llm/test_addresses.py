"""Addresses: each request has the query, and faults name a wrong scheme or path without secrets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agents.core.deltas import Failed
from agents.core.errors import ApiError, Fault, NetworkError
from agents.core.retry import FaultScope, scope
from agents.llm.call import Route
from agents.llm.endpoint import Api, Endpoint
from tests.agents.gateway.certificates import self_signed
from tests.agents.llm.scripted import SAID
from tests.agents.llm.test_model_call import asked, providers

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

KEY = "a-secret-key"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n" + SAID
BEFORE_TLS = b"\x15\x03\x01\x00\x02\x02\x16"  # an alert


def answering(head: bytes, lines: list[str] | None = None) -> Serve:
    """Answer each request with these bytes, and note its first line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if lines is not None:
            lines.append(request.split(b"\r\n")[0].decode())
        writer.write(head)
        await writer.drain()
        writer.close()

    return serve


def blurting(answer: bytes) -> Serve:
    """Answer the first bytes with these bytes, like a server of another protocol."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()
        writer.close()

    return serve


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server, providers():
        yield server.sockets[0].getsockname()[1]


async def fault_of(url: str, api: Api = Api.CHAT) -> Fault:
    (failed,) = await asked(Route(Endpoint(url, "any"), "m", api))
    assert isinstance(failed, Failed)
    return failed.fault


@pytest.fixture
async def tls(tmp_path: Path) -> ssl.SSLContext:
    made = await self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    return context


@pytest.mark.parametrize("api", list(Api))
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/deployments/d"])
@pytest.mark.parametrize("query", ["", "api-version=2024-10-21", f"api-key={KEY}&tag=a&tag=b&empty="])
async def test_a_query_of_the_base_url_goes_with_every_request(api: Api, path: str, query: str) -> None:
    lines: list[str] = []
    async with listening(answering(OK, lines)) as port:
        url = f"http://127.0.0.1:{port}{path}" + (f"?{query}" if query else "")
        for _ in range(2):
            await asked(Route(Endpoint(url, "any"), "m", api))
    tail = "chat/completions" if api is Api.CHAT else "responses"
    target = f"{path.rstrip('/')}/{tail}" + (f"?{query}" if query else "")
    assert lines == [f"POST {target} HTTP/1.1"] * len(lines)
    assert len(lines) >= 2


async def test_a_base_url_of_the_environment_keeps_its_query(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    async with listening(answering(OK, lines)) as port:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1?api-version=1")
        await asked(Route(Endpoint(None, "any"), "m"))
    assert lines == ["POST /v1/chat/completions?api-version=1 HTTP/1.1"]


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed"])
@pytest.mark.parametrize(
    ("path", "hinted"),
    [("", True), ("/", True), ("/api", True), ("/v1", False), ("/v1/", False), ("/v1beta/openai", False)],
)
async def test_a_wrong_path_is_named_and_a_missing_version_hinted_at(status: str, path: str, hinted: bool) -> None:
    head = f"HTTP/1.1 {status}\r\nconnection: close\r\n\r\nno such page".encode()
    async with listening(answering(head)) as port:
        fault = await fault_of(f"http://me:{KEY}@127.0.0.1:{port}{path}?api-key={KEY}")
    assert isinstance(fault, ApiError)
    assert fault.message.startswith("no such page (asked: POST http://127.0.0.1:")
    assert f"{path.rstrip('/')}/chat/completions" in fault.message
    assert ("/v1" in fault.message.partition("completions")[2]) is hinted
    assert KEY not in str(fault)


async def test_a_missing_model_is_still_a_missing_model() -> None:
    body = b'{"error": {"message": "no such model", "code": "model_not_found"}}'
    async with listening(answering(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n" + body)) as port:
        fault = await fault_of(f"http://127.0.0.1:{port}/v1")
    assert isinstance(fault, ApiError)
    assert (fault.kind, fault.message.startswith("no such model")) == ("model_not_found", True)


HTTP_ANSWERS: Iterable[bytes] = [
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"HTTP/1.0 400 Bad Request\r\n\r\nwhat?",
    b"220 mail\r\n",
]


@pytest.mark.parametrize("answer", HTTP_ANSWERS)
async def test_tls_spoken_to_a_port_without_it_is_named(answer: bytes) -> None:
    async with listening(blurting(answer)) as port:
        fault = await fault_of(f"https://127.0.0.1:{port}/v1?api-key={KEY}")
        assert isinstance(fault, NetworkError)
        assert f"expected TLS at https://127.0.0.1:{port}/v1, got another protocol: is it http://?" in fault.message
    assert scope(fault) is FaultScope.ROUTE


async def test_a_server_that_hangs_up_on_tls_is_named() -> None:
    async with listening(blurting(b"")) as port:
        fault = await fault_of(f"https://127.0.0.1:{port}/v1")
    assert isinstance(fault, NetworkError)
    assert fault.posix == "econnreset"


async def test_plain_http_spoken_to_a_port_with_tls_is_named(tls: ssl.SSLContext) -> None:
    """The server closes the connection without an answer, as many servers do."""
    async with listening(answering(OK), tls) as port:
        fault = await fault_of(f"http://127.0.0.1:{port}/v1?api-key={KEY}")
        assert fault == NetworkError("einval", f"expected HTTP at http://127.0.0.1:{port}/v1, got TLS: is it https://?")


async def test_plain_http_that_is_answered_by_an_alert_of_tls_is_named() -> None:
    async with listening(blurting(BEFORE_TLS)) as port:
        fault = await fault_of(f"http://127.0.0.1:{port}/v1")
    assert isinstance(fault, NetworkError)
    assert "got TLS: is it https://?" in fault.message


async def test_a_certificate_that_is_not_trusted_is_named(tls: ssl.SSLContext) -> None:
    async with listening(answering(OK), tls) as port:
        fault = await fault_of(f"https://localhost:{port}/v1")
    assert isinstance(fault, NetworkError)
    assert (fault.posix, "certificate" in fault.message) == ("eproto", True)

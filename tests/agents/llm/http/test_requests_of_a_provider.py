"""The requests to a provider: its own headers and query, keys that are renewed, and Azure's addresses."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from agents.daemon.finding import Verdict
from agents.daemon.provider_check import provider_findings
from agents.llm.endpoint import Api, Endpoint, ProviderFailed
from agents.llm.http.openai_client import OpenAIClient
from agents.llm.key import CallableKey
from agents.node.redaction import Redactor
from agents.settings import Settings
from agents.settings.secret_file import FileKey
from tests.agents.llm.http.loopback import answered_by

NO_KEYS: dict[str, str] = {}


class Received(NamedTuple):
    """A request. keys: the values of the headers that authorize it."""

    path: str
    headers: dict[str, str]

    @property
    def keys(self) -> list[str]:
        return [self.headers[name] for name in ("authorization", "api-key", "x-api-key") if name in self.headers]


class Provider:
    """A server that accepts one key, and redirects /away to another server."""

    def __init__(self) -> None:
        self.accepts: str | None = None
        self.complaint = ""
        self.away = ""
        self.received: list[Received] = []
        self.address = ""

    async def answer(self, http: web.Request) -> web.Response:
        received = Received(http.path_qs, {name.lower(): value for name, value in http.headers.items()})
        self.received.append(received)
        if self.away:
            return web.Response(status=307, headers={"location": self.away})
        if self.complaint:
            return web.json_response({"error": {"message": self.complaint}}, status=400)
        if self.accepts is not None and f"Bearer {self.accepts}" not in received.keys:
            return web.json_response({"error": {"message": "Incorrect API key provided"}}, status=401)
        return web.Response(body=b"data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


@asynccontextmanager
async def serving() -> AsyncIterator[Provider]:
    provider = Provider()
    async with answered_by(provider.answer) as provider.address:
        yield provider


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with serving() as one:
        yield one


async def ask(client: OpenAIClient, api: Api = Api.CHAT) -> None:
    async with client.stream(api, b'{"model": "m"}', connect_s=5.0) as chunks:
        async for _ in chunks:
            pass


async def asked(provider: Provider, *apis: Api, **given: Any) -> list[Received]:
    """Send one request per API with a client of this endpoint, and return what the provider received."""
    given = {"base_url": f"{provider.address}/v1", "api_key": "any", **given}
    client = OpenAIClient(Endpoint(**given))
    try:
        for api in apis or (Api.CHAT,):
            await ask(client, api)
    finally:
        await client.close()
    return provider.received


async def refusal(provider: Provider, key: Any) -> str:
    with pytest.raises(ProviderFailed) as failed:
        await asked(provider, api_key=key)
    return str(failed.value.fault)


async def test_every_request_has_the_headers_and_the_query_of_its_provider(provider: Provider) -> None:
    received = await asked(
        provider,
        *(Api.CHAT, Api.CHAT, Api.RESPONSES),
        base_url=f"{provider.address}/v1?tenant=a&zone=1",
        headers=(("X-Tenant", "a b"), ("User-Agent", "mine/1")),
        query=(("zone", "2"), ("key", "ä&=")),
    )
    paths = ["/v1/chat/completions", "/v1/chat/completions", "/v1/responses"]
    assert [each.path for each in received] == [f"{path}?tenant=a&zone=2&key=%C3%A4%26%3D" for path in paths]
    for each in received:
        assert (each.headers["x-tenant"], each.headers["user-agent"]) == ("a b", "mine/1")
        assert each.keys == ["Bearer any"]


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION", "api-key", "X-API-Key"])
async def test_a_header_that_authorizes_needs_no_key(
    provider: Provider, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (received,) = await asked(provider, api_key=None, headers=((name, "Basic abc"),))
    assert received.keys == ["Basic abc"]


async def test_an_own_authorization_replaces_the_key(provider: Provider) -> None:
    (received,) = await asked(provider, headers=(("Authorization", "Basic abc"),))
    assert received.keys == ["Basic abc"]


async def test_a_redirect_to_another_server_gets_no_key_and_no_header_of_the_settings(provider: Provider) -> None:
    async with serving() as other:
        provider.away = f"{other.address}/elsewhere"
        await asked(provider, headers=(("X-Secret", "sk-of-mine"),))
        (received,) = other.received
    assert received.path == "/elsewhere"
    assert received.keys == []
    assert "x-secret" not in received.headers


# Keys that change


async def test_a_callable_is_asked_before_each_request(provider: Provider) -> None:
    keys = iter(["one", "two"])
    received = await asked(provider, Api.CHAT, Api.RESPONSES, api_key=CallableKey(lambda: next(keys)))
    assert [each.keys for each in received] == [["Bearer one"], ["Bearer two"]]


@pytest.mark.parametrize("form", ["sync", "async", "awaitable", "object"])
async def test_a_callable_may_be_of_any_form(provider: Provider, form: str) -> None:
    async def coroutine() -> str:
        return "key"

    class Source:
        async def __call__(self) -> str:
            return "key"

    forms: dict[str, Any] = {"sync": lambda: "key", "async": coroutine, "awaitable": lambda: coroutine()}
    (received,) = await asked(provider, api_key=CallableKey(forms.get(form) or Source()))
    assert received.keys == ["Bearer key"]


async def test_a_refused_key_is_read_again_once_and_the_request_sent_again(provider: Provider) -> None:
    keys = iter(["old", "new", "newest"])
    provider.accepts = "new"
    received = await asked(provider, api_key=CallableKey(lambda: next(keys)))
    assert [each.keys for each in received] == [["Bearer old"], ["Bearer new"]]


async def test_a_key_that_is_refused_twice_is_the_providers_error(provider: Provider) -> None:
    keys = iter(["key 1", "key 2", "key 3"])
    provider.accepts = "another"
    assert await refusal(provider, CallableKey(lambda: next(keys))) == "api error 401: Incorrect API key provided"
    assert [each.keys for each in provider.received] == [["Bearer key 1"], ["Bearer key 2"]]


async def test_a_refused_key_without_a_successor_is_sent_once(provider: Provider) -> None:
    provider.accepts = "another"
    for key in ("fixed", CallableKey(lambda: "same")):
        provider.received.clear()
        assert await refusal(provider, key) == "api error 401: Incorrect API key provided"
        assert len(provider.received) == 1


async def test_requests_at_the_same_time_share_one_renewal(provider: Provider) -> None:
    reads: list[str] = []

    async def read() -> str:
        reads.append("old" if not reads else "new")
        await asyncio.sleep(0)
        return reads[-1]

    provider.accepts = "new"
    client = OpenAIClient(Endpoint(f"{provider.address}/v1", CallableKey(read)))
    await asyncio.gather(*(ask(client) for _ in range(8)))
    await client.close()
    assert reads[:2] == ["old", "new"]
    assert [each.keys for each in provider.received].count(["Bearer old"]) == 8


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda: "", "expected an API key, got an empty one"),
        (lambda: None, "expected an API key as text, got NoneType"),
        (lambda: "sk-ä", "expected an API key of printable ASCII, got other characters"),
        (lambda: "sk-a\nb", "expected an API key of printable ASCII, got other characters"),
        (lambda: NO_KEYS["sk-secret"], "expected an API key from its function, got KeyError"),
    ],
)
async def test_a_callable_without_a_key_is_one_line_without_secrets(
    provider: Provider, source: Callable[[], Any], said: str
) -> None:
    assert await refusal(provider, CallableKey(source)) == f"api error 401: {said}"
    assert provider.received == []


def written(path: Path, key: str) -> Path:
    path.touch(0o600)
    path.write_text(key)
    return path


async def test_a_file_is_read_again_when_it_changed(provider: Provider, tmp_path: Path) -> None:
    path = written(tmp_path / "key", "first\n")
    client = OpenAIClient(Endpoint(f"{provider.address}/v1", FileKey(path)))
    await ask(client)
    os.replace(written(tmp_path / "next", "other\n"), path)
    await ask(client)
    path.unlink()  # as between two steps of a rotation
    await ask(client)
    await client.close()
    assert [each.keys for each in provider.received] == [["Bearer first"], ["Bearer other"], ["Bearer other"]]


async def test_a_refused_key_of_a_file_is_read_again(provider: Provider, tmp_path: Path) -> None:
    path = written(tmp_path / "key", "old")
    client = OpenAIClient(Endpoint(f"{provider.address}/v1", FileKey(path)))
    await ask(client)
    found = path.stat()
    path.write_text("new")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    provider.accepts = "new"
    await ask(client)
    await client.close()
    assert provider.received[-1].keys == ["Bearer new"]


@pytest.mark.parametrize(("mode", "said"), [(0o644, "expected mode 0600 of "), (0o600, "expected a secret in ")])
async def test_a_file_without_a_usable_key_is_one_line(
    provider: Provider, tmp_path: Path, mode: int, said: str
) -> None:
    path = written(tmp_path / "key", "sk-secret" if mode == 0o644 else "")
    path.chmod(mode)
    line = await refusal(provider, FileKey(path))
    assert line.startswith(f"api error 401: {said}")
    assert "sk-secret" not in line


async def test_a_log_masks_keys_that_were_read_later(provider: Provider) -> None:
    redact = Redactor()
    await asked(provider, api_key=CallableKey(lambda: "renewed-key-1"))
    assert redact("with renewed-key-1") == "with ***"


async def test_a_refused_cache_key_says_how_to_leave_it_out(provider: Provider) -> None:
    provider.complaint = "Unrecognized request argument supplied: prompt_cache_key"
    line = await refusal(provider, "any")
    assert line == f"api error 400: {provider.complaint} (set prompt_cache_key to false for this provider)"


async def test_the_doctor_asks_with_the_headers_the_query_and_the_key_of_each_provider(provider: Provider) -> None:
    def key() -> str:
        return "renewed"

    named: dict[str, dict[str, Any]] = {
        "plain": {"headers": {"x-team": "a"}, "query": {"tenant": "b"}, "api_key": key},
        "azure": {"api_version": "1", "api_key": "fixed"},
        "header": {"headers": {"Authorization": "own"}},
    }
    addressed = {name: {"base_url": f"{provider.address}/v1", **each} for name, each in named.items()}
    given = {"providers": {"named": addressed, "order": list(named)}}
    findings = await provider_findings(Settings.model_validate(given))
    assert [each.verdict for each in findings] == [Verdict.OK] * 3
    seen = {each.path: (each.keys, each.headers.get("x-team")) for each in provider.received}
    assert seen == {
        "/v1/models?tenant=b": (["Bearer renewed"], "a"),
        "/v1/openai/models?api-version=1": (["fixed"], None),
        "/v1/models": (["own"], None),
    }


# Azure


@pytest.mark.parametrize("path", ["", "/", "/openai", "/openai/", "/openai/deployments/gpt%204o", "/proxy/openai"])
async def test_azure_gets_the_deployment_and_the_version_in_the_address(provider: Provider, path: str) -> None:
    received = await asked(
        provider,
        *(Api.CHAT, Api.RESPONSES),
        base_url=f"{provider.address}{path}",
        api_version="2024-10-21",
        deployment="gpt 4o",
    )
    base = "/proxy" if path.startswith("/proxy") else ""
    assert [each.path for each in received] == [
        f"{base}/openai/deployments/gpt%204o/chat/completions?api-version=2024-10-21",
        f"{base}/openai/responses?api-version=2024-10-21",
    ]
    assert [each.keys for each in received] == [["any"], ["any"]]
    assert "authorization" not in received[0].headers


async def test_a_callable_gives_azure_tokens_which_are_renewed(provider: Provider) -> None:
    tokens = iter(["expired", "fresh"])
    provider.accepts = "fresh"
    received = await asked(
        provider, api_key=CallableKey(lambda: next(tokens)), api_version="v", deployment="d", headers=(("X-A", "b"),)
    )
    assert [each.keys for each in received] == [["Bearer expired"], ["Bearer fresh"]]
    assert received[1].headers["x-a"] == "b"

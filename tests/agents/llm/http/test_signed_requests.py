"""Requests that are signed with credentials of AWS, at a server that checks each signature with botocore."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from openai import AsyncOpenAI
from openai.providers import bedrock

from agents import agent, application, start_agent
from agents.daemon.finding import Verdict
from agents.daemon.provider_check import provider_findings
from agents.llm.aws import Aws
from agents.llm.endpoint import Api, Endpoint, ProviderFailed
from agents.llm.http.openai_client import OpenAIClient
from agents.node.redaction import Redactor
from agents.rehearsal import RehearsalServer, builtin
from agents.settings import Settings
from tests.agents.llm.http.loopback import answered_by

REGION = "eu-central-1"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(.+)"
)
REFUSED = {"message": "The security token included in the request is expired"}


class Signed(NamedTuple):
    """A request with the parts of its signature."""

    path: str
    headers: dict[str, str]
    body: bytes
    access_key: str
    region: str
    service: str
    covered: list[str]


class Bedrock:
    """A server that accepts the requests of one set of credentials. behind: a provider that answers them."""

    def __init__(self) -> None:
        self.credentials = Credentials("AKIDONE", "first-secret", None)
        self.behind = self.away = self.address = ""
        self.received: list[Signed] = []
        self.refused = 0

    async def answer(self, http: web.Request) -> web.StreamResponse:
        if (signed := self._checked(http, await http.read())) is None:
            self.refused += 1
            return web.json_response(REFUSED, status=403)
        self.received.append(signed)
        if self.away:
            return web.Response(status=307, headers={"location": self.away})
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(http)
        if self.behind:
            key = {"authorization": "Bearer rehearsal", "content-type": "application/json"}
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{self.behind}{http.path.removeprefix('/v1')}", data=signed.body, headers=key) as answer,
            ):
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
        return response

    def _checked(self, http: web.Request, body: bytes) -> Signed | None:
        """Return the request if its signature is right for its method, address, headers, date and body."""
        found = AUTHORIZATION.fullmatch(http.headers.get("authorization", ""))
        assert found is not None
        access_key, day, region, service, names, signature = found.groups()
        headers = {name.lower(): value for name, value in http.headers.items()}
        date = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert abs(date - datetime.now(UTC)) < timedelta(minutes=5)
        assert headers["x-amz-date"].startswith(day)
        assert headers["x-amz-content-sha256"] == sha256(body).hexdigest()
        covered = names.split(";")
        assert {"host", "x-amz-date", "x-amz-content-sha256"} <= set(covered)
        request = AWSRequest(
            http.method, f"http://{headers['host']}{http.raw_path}", {name: headers[name] for name in covered}, body
        )
        request.context["timestamp"] = headers["x-amz-date"]
        signer = SigV4Auth(self.credentials, service, region)
        right = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        token = headers.get("x-amz-security-token")
        if (access_key, token, signature) != (self.credentials.access_key, self.credentials.token, right):
            return None
        assert token is None or "x-amz-security-token" in covered
        return Signed(http.raw_path, headers, body, access_key, region, service, covered)


@asynccontextmanager
async def serving() -> AsyncIterator[Bedrock]:
    server = Bedrock()
    async with answered_by(server.answer) as server.address:
        yield server


@pytest.fixture
async def server() -> AsyncIterator[Bedrock]:
    async with serving() as one:
        yield one


class Host:
    """The credentials of AWS that this host has."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self.shared, self.config = patch, folder / "credentials", folder / "config"

    def has(self, access_key: str, secret_key: str, token: str | None = None) -> Credentials:
        """Put credentials into the environment, and return them."""
        given = {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key, "AWS_SESSION_TOKEN": token}
        for name, value in given.items():
            if value is None:
                self._patch.delenv(name, raising=False)
            else:
                self._patch.setenv(name, value)
        return Credentials(access_key, secret_key, token)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Host:
    """A host without credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_BEARER_TOKEN_BEDROCK", "AWS_BEDROCK_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    one = Host(monkeypatch, tmp_path)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(one.shared))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(one.config))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return one


@asynccontextmanager
async def client_of(server: Bedrock, profile: str | None = None, **given: Any) -> AsyncIterator[OpenAIClient]:
    client = OpenAIClient(Endpoint(f"{server.address}/v1", **{"aws": Aws(REGION, profile), **given}))
    try:
        yield client
    finally:
        await client.close()


async def ask(client: OpenAIClient, api: Api = Api.CHAT, body: bytes = b'{"model": "m"}') -> None:
    async with client.stream(api, body, connect_s=5.0) as chunks:
        async for _ in chunks:
            pass


async def refusal(endpoint: Endpoint) -> str:
    with pytest.raises(ProviderFailed) as failed:
        await ask(OpenAIClient(endpoint))
    assert failed.value.__cause__ is None or "secret" not in str(failed.value.__cause__)
    return str(failed.value.fault)


# Signatures


async def test_an_agent_streams_an_answer_to_signed_requests(server: Bedrock, host: Host, api: str) -> None:
    server.credentials = host.has("AKIDTWO", "secret/with+signs", "session-token==")
    async with RehearsalServer(builtin(), api_key="rehearsal") as behind, application.running():
        server.behind = behind.base_url
        pid = await start_agent(
            model="echo",
            base_url=f"{server.address}/v1",
            aws={"region": REGION},
            api_preference=Api(api),
            query={"a b": "ä&="},
        )
        contents = [(await agent.chat(pid, text)).content for text in ("Hello", "Grüße")]
    assert contents == ["Hello", "Grüße"]
    assert [(each.region, each.service) for each in server.received] == [(REGION, "bedrock-mantle")] * 2
    assert server.received[0].path.startswith("/v1/chat/completions?" if api == "chat" else "/v1/responses?")
    assert json.loads(server.received[1].body)["stream"] is True


async def test_a_signature_covers_the_headers_and_the_query_of_the_provider(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret")
    async with client_of(server, headers=(("X-Team", "a  b"),), query=(("q", "ä&= +"),)) as client:
        for api in Api:
            await ask(client, api)
    for each in server.received:
        assert each.path.endswith("?q=%C3%A4%26%3D+%2B")
        assert "x-team" in each.covered


async def test_a_background_response_is_resumed_and_cancelled_by_signed_requests(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret")
    async with client_of(server) as client:
        async with client.resume("resp_1", 3, connect_s=5.0) as chunks:
            assert [chunk async for chunk in chunks] == []
        await client.cancel("resp_1", timeout_s=5.0)
    resumed, cancelled = [each.path for each in server.received]
    assert resumed.startswith("/v1/responses/resp_1?")
    assert cancelled == "/v1/responses/resp_1/cancel"


async def test_requests_at_the_same_time_each_have_their_own_signature(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret")
    bodies = {b'{"n": %d}' % number for number in range(20)}
    async with client_of(server) as client:
        await asyncio.gather(*(ask(client, body=body) for body in bodies))
    assert {each.body for each in server.received} == bodies


async def test_no_signed_request_follows_a_redirect(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret", "session-token")
    async with serving() as other:
        server.away = f"{other.address}/elsewhere"
        async with client_of(server) as client:
            with pytest.raises(ProviderFailed, match="307"):
                await ask(client)
        assert (other.received, other.refused) == ([], 0)


# Credentials


async def test_changed_credentials_of_the_environment_are_found_after_a_refusal(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret", "one")
    async with client_of(server) as client:
        await ask(client)
        server.credentials = host.has("AKIDTWO", "second-secret", "two")
        await ask(client)
        await ask(client)
        server.credentials = Credentials("AKIDNEW", "of-nobody-here", None)
        with pytest.raises(ProviderFailed, match=r"^api error 403: The security token included in the request is exp"):
            await ask(client)
    assert [each.access_key for each in server.received] == ["AKIDONE", "AKIDTWO", "AKIDTWO"]
    assert server.refused == 2  # credentials that did not change are not sent again


async def test_credentials_that_expire_are_renewed_before_they_are_refused(
    server: Bedrock, host: Host, tmp_path: Path
) -> None:
    given, soon = tmp_path / "given.json", datetime.now(UTC) + timedelta(minutes=5)
    host.config.write_text(f"[profile short]\ncredential_process = cat {given}\n")

    def write(access_key: str) -> Credentials:
        words = {
            "AccessKeyId": access_key,
            "SecretAccessKey": f"of-{access_key}",
            "SessionToken": f"token-{access_key}",
        }
        given.write_text(json.dumps({"Version": 1, "Expiration": soon.isoformat(), **words}))
        return Credentials(access_key, f"of-{access_key}", f"token-{access_key}")

    async with client_of(server, "short") as client:
        for access_key in ("AKIDONE", "AKIDTWO"):
            server.credentials = write(access_key)
            await ask(client)
    assert [each.access_key for each in server.received] == ["AKIDONE", "AKIDTWO"]
    assert server.refused == 0


async def test_a_profile_names_the_credentials(server: Bedrock, host: Host) -> None:
    lines = "[{}]\naws_access_key_id = AKID{}\naws_secret_access_key = secret-of-{}\n"
    host.shared.write_text(lines.format("default", "ONE", "one") + lines.format("bots", "TWO", "two"))
    for profile, access_key, secret in ((None, "AKIDONE", "secret-of-one"), ("bots", "AKIDTWO", "secret-of-two")):
        server.credentials = Credentials(access_key, secret, None)
        async with client_of(server, profile) as client:
            await ask(client)
    assert server.refused == 0


@pytest.mark.parametrize(
    ("config", "profile", "said"),
    [
        ("", None, "expected credentials of AWS in the environment, a profile or a role, got none"),
        ("", "absent", "expected credentials of AWS, got ProfileNotFound"),
        (
            "[profile broken]\ncredential_process = sh -c 'echo a-secret >&2; exit 1'\n",
            "broken",
            "expected credentials of AWS, got CredentialRetrievalError",
        ),
    ],
)
async def test_a_host_without_credentials_is_one_line_without_secrets(
    server: Bedrock, host: Host, config: str, profile: str | None, said: str
) -> None:
    host.config.write_text(config)
    assert await refusal(Endpoint(f"{server.address}/v1", aws=Aws(REGION, profile))) == f"api error 401: {said}"
    assert server.received == []


async def test_no_log_and_no_text_of_a_client_shows_the_credentials(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDLOG", "secret-of-the-log", "token-of-the-log")
    async with client_of(server) as client:
        await ask(client)
        parts = ("AKIDLOG", "secret-of-the-log", "token-of-the-log")
        assert not any(part in repr(client) for part in parts)
        assert Redactor()("x-amz-security-token:token-of-the-log, secret-of-the-log") == "x-amz-security-token:***, ***"


# Addresses


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
async def test_the_region_gives_the_address(host: Host, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    official = AsyncOpenAI(provider=bedrock(region=REGION, access_key_id="a", secret_access_key="b"))
    assert f"{Endpoint(aws=Aws(REGION)).url}/" == str(official.base_url)
    monkeypatch.setenv(variable, "us-west-2")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://else.example/v1")
    assert Endpoint(aws=Aws()).url == "https://bedrock-mantle.us-west-2.api.aws/openai/v1"
    assert Endpoint(aws=Aws(REGION)).url == "https://bedrock-mantle.eu-central-1.api.aws/openai/v1"


@pytest.mark.parametrize(
    ("address", "region", "said"),
    [
        ("http://127.0.0.1:1/v1", None, "expected a region in aws.region or AWS_REGION, got none"),
        ("http://127.0.0.1:1/v1", "moon", "The Bedrock AWS `region` is invalid."),
        ("https://bedrock-mantle.us-east-1.api.aws/openai/v1", REGION, "does not match the configured AWS region"),
        ("http://bedrock-mantle.eu-central-1.api.aws/openai/v1", REGION, "endpoints require HTTPS"),
    ],
)
async def test_an_address_that_does_not_fit_the_region_is_one_line(
    host: Host, address: str, region: str | None, said: str
) -> None:
    line = await refusal(Endpoint(address, aws=Aws(region)))
    assert said in line
    assert "\n" not in line


async def test_an_own_authorization_beside_a_signature_is_refused(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret")
    line = await refusal(Endpoint(f"{server.address}/v1", headers=(("authorization", "Basic x"),), aws=Aws(REGION)))
    assert line.endswith("expected no header authorization beside aws, got one")
    assert server.received == []


async def test_the_doctor_asks_with_a_signature(server: Bedrock, host: Host) -> None:
    server.credentials = host.has("AKIDONE", "first-secret", "token")
    base = {"base_url": f"{server.address}/v1"}
    named = {
        "good": {**base, "aws": {"region": REGION}, "query": {"a": "b c"}},
        "other": {**base, "aws": {"region": REGION, "profile": "absent"}},
        "nowhere": {**base, "aws": {}},
    }
    findings = await provider_findings(Settings.model_validate({"providers": {"named": named, "order": list(named)}}))
    assert [each.verdict for each in findings] == [Verdict.OK, Verdict.FAIL, Verdict.FAIL]
    assert [each.path for each in server.received] == ["/v1/models?a=b+c"]
    assert "ProfileNotFound" in findings[1].text
    assert "expected a region" in findings[2].text

"""OAuth at MCP servers: a login by the command, renewals, refusals, and a program with a secret of its own."""

import asyncio
import logging
import stat
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from actors import StartFailed
from agents import application, mcp
from agents.mcp import ServerSpec
from agents.mcp.grant import NoGrant
from agents.mcp.keeper import connect
from agents.mcp.login import login
from agents.mcp.tokens import file_of, read
from agents.rehearsal import RehearsalServer, builtin, parse
from agents.settings import Settings
from tests.agents.mcp.authorization import Grants, guarded, guarded_by_oauthlib
from tests.agents.mcp.conftest import Logged, models, result
from tests.agents.stage import Stage

SCRIPT = models("echo")
TEXT = '{"text": "hello"}'


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with RehearsalServer(builtin() | parse(SCRIPT, __name__)) as model:
        settings = Settings(base_url=model.base_url, api_key=SecretStr("x"))
        async with application.running(settings):
            yield Stage(model)


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, Grants]]:
    async with guarded() as found:
        yield found


def spec_of(url: str, folder: Path, **more: Any) -> ServerSpec:
    return mcp.server("notes", url=url, oauth={"tokens": folder / "notes.json", **more})


async def log_in(spec: ServerSpec) -> None:
    """Log in as a person whose browser follows the redirects."""
    browsing: list[asyncio.Task[None]] = []
    await login(spec, lambda address: browsing.append(asyncio.create_task(browse(address))))
    await asyncio.gather(*browsing)


async def browse(address: str) -> None:
    async with httpx2.AsyncClient(follow_redirects=True) as browser:
        await browser.get(address)


async def echoed(stage: Stage, spec: ServerSpec) -> Any:
    return (await result(await stage.agent("calls echo", tools=[spec]), TEXT)).content


async def refused(spec: ServerSpec) -> str:
    """Return why a connection does not start."""
    with pytest.raises(Exception, match="is down") as failed:
        await connect([spec])
    return str(failed.value)


async def test_a_login_by_the_command_is_used_by_the_agents(
    server: tuple[str, Grants], stage: Stage, tmp_path: Path
) -> None:
    url, grants = server
    (tmp_path / "sys.config").write_text(f'[{{agents, [{{mcp, [{{"notes", [{{url, "{url}"}}, {{oauth, []}}]}}]}}]}}].')
    command = ("-m", "agents", "mcp", "login", "notes", "--print", "--config", str(tmp_path / "sys.config"))
    folder = ("--state-dir", str(tmp_path / "state"))
    process = await asyncio.create_subprocess_exec(sys.executable, *command, *folder, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    await browse((await process.stdout.readline()).decode().strip())
    out, err = await process.communicate()
    path = tmp_path / "state" / "mcp" / "notes.json"
    assert (out.decode(), err, process.returncode) == (f"logged in at notes; the tokens are in {path}\n", b"", 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    spec = mcp.server("notes", url=url, oauth={"tokens": path})
    assert await echoed(stage, spec) == "hello"
    assert grants.renewals == 0
    path.chmod(0o644)
    assert "which others could read" in await refused(mcp.server("notes2", url=url, oauth={"tokens": path}))


@pytest.mark.parametrize("expired", [True, False])
async def test_a_token_that_has_ended_is_renewed_once_for_all_calls(
    server: tuple[str, Grants], stage: Stage, tmp_path: Path, expired: bool
) -> None:
    url, grants = server
    spec = spec_of(url, tmp_path)
    grants.life_s = 0 if expired else 3600
    await log_in(spec)
    grants.life_s = 3600
    if not expired:
        pid = await stage.agent("calls echo", tools=[spec])
        grants.access.clear()  # the server revokes the token of a connection that is up
        assert (await result(pid, TEXT)).content == "hello"
    agents = [await stage.agent("calls echo", tools=[spec]) for _ in range(4)]
    answers = await asyncio.gather(*(result(pid, TEXT) for pid in agents))
    assert {each.content for each in answers} == {"hello"}
    assert grants.renewals == 1
    assert read(spec).access in grants.access


async def test_a_revoked_refresh_token_needs_a_login_and_the_next_login_is_used(
    server: tuple[str, Grants], stage: Stage, tmp_path: Path, logged: Logged, caplog: pytest.LogCaptureFixture
) -> None:
    url, grants = server
    spec = spec_of(url, tmp_path)
    words = "the MCP server 'notes' is down: it needs a login, since"
    assert await refused(spec) == f"{words} {file_of(spec)} does not exist: understudy mcp login notes"
    await log_in(spec)
    pid = await stage.agent("calls echo", tools=[spec])
    secrets = [*grants.access, *grants.refresh]
    with caplog.at_level(logging.DEBUG):
        grants.access.clear()
        grants.refresh.clear()
        assert (await result(pid, TEXT)).error == "raised"
        await logged.until("mcp_server_down", 1)
        why = "the authorization server refuses to renew its token (invalid_grant)"
        assert await refused(spec) == f"{words} {why}: understudy mcp login notes"
        with pytest.raises(StartFailed, match="it needs a login"):
            await stage.agent("calls echo", tools=[spec])
        assert grants.asked == 1  # a refresh token that has ended is not sent again
    assert not [each for each in secrets if each in caplog.text or each in str(logged("mcp_server_down"))]
    await log_in(spec)
    await connect([spec])
    assert (await result(pid, TEXT)).content == "hello"
    assert repr(read(spec)) == "KeptTokens(**********)"


async def test_a_refused_login_and_the_tokens_of_another_address_are_errors_in_one_line(
    server: tuple[str, Grants], stage: Stage, tmp_path: Path
) -> None:
    url, grants = server
    spec = spec_of(url, tmp_path)
    grants.denies = True
    with pytest.raises(NoGrant, match=r"^the login was refused: 'access_denied'$"):
        await log_in(spec)
    assert not file_of(spec).exists()
    grants.denies = False
    await log_in(spec)
    async with guarded() as (other, _):
        assert "has the tokens of another address" in await refused(spec_of(other, tmp_path))
    file_of(spec).write_text("{}")
    assert "has no tokens" in await refused(spec)


async def test_a_program_gets_tokens_with_its_own_secret(stage: Stage) -> None:
    async with guarded_by_oauthlib("daemon", "a-secret") as (url, issuer, grants):

        def spec(secret: str, issuer: str = issuer, **more: str) -> ServerSpec:
            given = {"client_id": "daemon", "client_secret": secret, "issuer": issuer, **more}
            return mcp.server("notes", url=url, oauth={"grant": "client_credentials", **given})

        right = spec("a-secret")
        pid = await stage.agent("calls echo", tools=[right])
        assert (await result(pid, TEXT)).content == "hello"
        grants.access.clear()
        assert (await result(pid, TEXT)).content == "hello"
        assert grants.renewals == 2
        wrong = await refused(spec("another-secret"))
        assert wrong == "the MCP server 'notes' is down: no token: Token exchange failed (401) (invalid_client)"
        grants.garbage = '{"access_token": "a-token", "token_type": "Bearer", "expires_in": "a-token"}'
        assert (await refused(spec("a-secret", scope="notes"))).endswith("no token: Invalid token response")
        assert grants.renewals == 3
        elsewhere = await refused(spec("a-secret", "http://127.0.0.1:1"))
        assert "http://127.0.0.1:1" in elsewhere
        assert grants.renewals == 3  # the secret went to no other authorization server


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"oauth": {}, "token": "x"}, "expected none with oauth, got one"),
        ({"oauth": {"grant": "client_credentials"}}, "expected a value with the grant client_credentials, got none"),
        ({"oauth": {"client_secret": "x"}}, "expected a value with a client_secret, got none"),
    ],
)
def test_faulty_settings_of_oauth_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Exception, match=r"mcp\.server") as refused:
        mcp.server("notes", url="http://127.0.0.1:1/mcp", **given)
    assert words in str(refused.value)

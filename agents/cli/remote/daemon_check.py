"""The checks of a running daemon for `understudy doctor`: it answers, it accepts the token, it accepts turns."""

from collections.abc import AsyncIterator
from pathlib import Path

from agents.cli.remote.connection import client_of
from agents.client import Client, ClientError
from agents.daemon.finding import Finding, Verdict


async def daemon_findings(url: str | None, token_file: Path | None) -> AsyncIterator[Finding]:
    """Yield one finding per check, up to the first that fails. url, token_file: as in client_of."""
    subject = "daemon"
    try:
        async with client_of(url, token_file, None) as client:
            await client.get("/healthz")
            yield Finding(Verdict.OK, subject, f"{client.url}: answers")
            subject = "token"
            yield Finding(Verdict.OK, subject, await _rights(client))
            subject = "turns"
            await client.get("/readyz")
            yield Finding(Verdict.OK, subject, "new turns are accepted")
    except ClientError as failed:
        yield Finding(Verdict.FAIL, subject, str(failed))


async def _rights(client: Client) -> str:
    me = await client.get("/me")
    return f"accepted, of {me['user'] or 'the host'}, with the scopes {', '.join(me['scopes']) or 'none'}"

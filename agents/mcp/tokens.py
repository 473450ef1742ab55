"""The tokens of a login at an MCP server, in a file of mode 0600.

The file has everything that a renewal needs, so that a daemon renews the tokens without a person. Several OS processes
may share it.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import msgspec
from msgspec import Struct

from agents.mcp.spec import ServerSpec, tokens_in
from agents.node.state_files import default_state_dir
from agents.settings.secret_file import NoSecret, secret_in
from agents.tools.errors import ServerDown

EARLY_S: Final = 30.0  # from a token's renewal to its end
LOCK_PAUSE_S: Final = 0.02


class KeptTokens(Struct, frozen=True):
    """The tokens for a server.

    url: the server's. They are sent nowhere else. renew_s: the time from which they are renewed, in Unix seconds; None:
    the server refuses them first. token, client, issuer, resource: the answer of the authorization server, the client
    at it, its metadata, and those of the server, as JSON data. ended: why they can't be renewed any more; "": they can.
    """

    url: str
    renew_s: float | None
    token: dict[str, Any]
    client: dict[str, Any]
    issuer: dict[str, Any] | None = None
    resource: dict[str, Any] | None = None
    ended: str = ""

    def __repr__(self) -> str:
        return "KeptTokens(**********)"

    @property
    def access(self) -> str:
        return str(self.token["access_token"])


def file_of(spec: ServerSpec) -> Path:
    """Return the file of the server's tokens."""
    oauth = spec.server.oauth
    assert oauth is not None
    return oauth.tokens or default_state_dir() / tokens_in(spec.name)


def renew_s(life_s: float | None) -> float | None:
    """Return the time from which a new token is renewed, in Unix seconds; None if its life is unknown."""
    return None if life_s is None else time.time() + life_s - min(EARLY_S, life_s / 2)


def needs_login(spec: ServerSpec, why: str) -> ServerDown:
    return ServerDown(spec.name, f"it needs a login, since {why}: understudy mcp login {spec.name}")


def read(spec: ServerSpec) -> KeptTokens:
    """Return the server's tokens. Raises ServerDown."""
    path = file_of(spec)
    try:
        path.lstat()
        found = msgspec.json.decode(secret_in(path), type=KeptTokens)
    except FileNotFoundError:
        raise needs_login(spec, f"{path} does not exist") from None
    except OSError as failed:
        raise ServerDown(spec.name, f"{path} can't be read: {failed.strerror}") from None
    except NoSecret as unsafe:
        raise ServerDown(spec.name, str(unsafe)) from None
    except msgspec.MsgspecError:
        raise needs_login(spec, f"{path} has no tokens") from None
    if not isinstance(found.token.get("access_token"), str):
        raise needs_login(spec, f"{path} has no tokens")
    if found.url != spec.server.url:
        raise needs_login(spec, f"{path} has the tokens of another address")
    return found


def write(spec: ServerSpec, tokens: KeptTokens) -> None:
    """Replace the server's tokens, within `only_one`. Raises OSError."""
    path = file_of(spec)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(msgspec.json.encode(tokens) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@asynccontextmanager
async def only_one(spec: ServerSpec) -> AsyncIterator[None]:
    """Let only one OS process replace the server's tokens at a time: a renewal may end the earlier refresh token.

    Raises ServerDown.
    """
    path = file_of(spec)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as failed:
        raise ServerDown(spec.name, f"its tokens can't be kept: {path.parent}: {failed.strerror}") from None
    try:
        while not _locked(lock):  # noqa: ASYNC110 (another OS process has it)
            await asyncio.sleep(LOCK_PAUSE_S)
        yield
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

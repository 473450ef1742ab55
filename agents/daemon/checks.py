"""The checks of `understudy doctor`. Each check returns findings; none of them prints a key.

The checks change nothing, except that a store of an older version is migrated, as at a daemon's start.
"""

import os
import platform
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Final

from msgspec import Struct

from agents.agent_config.workspace import own_folder
from agents.configuration import InvalidConfiguration, load
from agents.daemon.errors import CannotStart, InUse
from agents.daemon.listen_address import check_port
from agents.daemon.lock import locked
from agents.daemon.provider_check import provider_findings
from agents.daemon.state_dir import state_dir
from agents.gateway import GatewayError, check_certificate, check_listen
from agents.node.state_files import default_state_dir
from agents.settings import Settings

OTHER_AGENTS: Final = "openai-agents"


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True):
    """A verdict on one subject, with a text in one line."""

    verdict: Verdict
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


async def checks(file: Path | None, flags: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Yield the findings in a fixed order.

    If the configuration can't be read, its faults are the last findings.
    """
    for finding in _environment():
        yield finding
    try:
        settings = load(file, os.environ, flags).settings
    except InvalidConfiguration as invalid:
        for fault in invalid.faults:
            yield Finding(Verdict.FAIL, "config", str(fault))
        return
    yield Finding(Verdict.OK, "config", "no file: every setting has its default" if file is None else str(file))
    for finding in _folder_and_port(settings):
        yield finding
    yield await _store(settings)
    for verdict, text in await provider_findings(settings):
        yield Finding(Verdict(verdict), "provider", text)
    yield await _workers(settings)
    for finding in _builtin_tools(settings):
        yield finding


def _builtin_tools(settings: Settings) -> Iterator[Finding]:
    """Findings about the built-in tools that the configured agents have."""
    named = {each for agent in settings.agents for each in agent.tools if isinstance(each, str)}
    if "file_ops" in named:
        root = settings.tools.file_ops_root or own_folder(settings)
        yield Finding(Verdict.OK, "file_ops", f"works in {root}")
    if "web_search" in named and settings.tools.web_search_endpoint is None:
        text = "tools.web_search_endpoint is not set: the tool answers that it searched nothing"
        yield Finding(Verdict.WARN, "web_search", text)


def _environment() -> list[Finding]:
    findings = [Finding(Verdict.OK, "python", f"{platform.python_version()} on {platform.system()}")]
    try:
        version = metadata.version(OTHER_AGENTS)
    except metadata.PackageNotFoundError:
        findings.append(Finding(Verdict.OK, "packages", f"{OTHER_AGENTS} is not installed"))
    else:
        text = f"{OTHER_AGENTS} {version} is installed and has a package `agents`, too: use separate environments"
        findings.append(Finding(Verdict.FAIL, "packages", text))
    try:
        findings.append(Finding(Verdict.OK, "loop", f"uvloop {metadata.version('uvloop')}"))
    except metadata.PackageNotFoundError:
        findings.append(Finding(Verdict.WARN, "loop", "asyncio: install uvloop for a faster loop"))
    return findings


def _folder_and_port(settings: Settings) -> list[Finding]:
    """Check the folder, its lock, and the port. A daemon that runs is a warning, not a failure."""
    subject = "state directory"
    path = settings.daemon.state_dir or default_state_dir()
    if not path.exists():
        return [Finding(Verdict.OK, subject, f"{path}: created at the first start"), _port(settings)]
    try:
        folder = state_dir(settings)
    except CannotStart as refused:
        return [Finding(Verdict.FAIL, subject, str(refused)), _port(settings)]
    good = Finding(Verdict.OK, subject, str(folder.path))
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder.lock))
        except InUse as in_use:
            return [good, Finding(Verdict.WARN, "lock", f"{in_use}; its port is not checked")]
        except CannotStart as refused:
            return [good, Finding(Verdict.FAIL, "lock", str(refused))]
        return [good, Finding(Verdict.OK, "lock", "free"), _port(settings)]


def _port(settings: Settings) -> Finding:
    try:
        check_listen(settings.gateway)
        check_certificate(settings.gateway)
        check_port(settings.gateway)
    except (GatewayError, CannotStart) as refused:
        return Finding(Verdict.FAIL, "port", str(refused))
    return Finding(Verdict.OK, "port", f"{settings.gateway.host}:{settings.gateway.port} is free")


async def _store(settings: Settings) -> Finding:
    from agents.sessions import SessionError, Store, store_url

    try:
        url = store_url(settings.sessions.url, settings.daemon.state_dir)
        if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):  # noqa: ASYNC240
            return Finding(Verdict.OK, "store", f"{url.database}: created at the first start")
        store = await Store.open(url, create=False)
        sessions = len(await store.sessions(limit=1))
        await store.close()
    except SessionError as failed:
        return Finding(Verdict.FAIL, "store", str(failed))
    return Finding(Verdict.OK, "store", f"{store}: opens{'' if sessions else ', and is empty'}")


async def _workers(settings: Settings) -> Finding:
    from agents.tools.errors import PoolUnavailable
    from agents.tools.pool import WorkerPool

    try:
        async with WorkerPool(1):
            pass
    except (PoolUnavailable, OSError) as failed:
        return Finding(Verdict.FAIL, "tools", str(failed))
    return Finding(Verdict.OK, "tools", f"worker processes start; at most {settings.tools.workers} run at once")

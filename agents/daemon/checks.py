"""What the doctor looks at. Each check answers with findings; none of them prints a key.

Nothing is changed, but a store of an older version is brought up to date, as a daemon's start would.
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
from agents.daemon.errors import CannotStart, Taken
from agents.daemon.lock import locked
from agents.daemon.place import check_place
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
    verdict: Verdict
    what: str
    told: str

    def __str__(self) -> str:
        return f"{self.what}: {self.told}"


async def checks(file: Path | None, flags: Mapping[str, str]) -> AsyncIterator[Finding]:
    """In order; with a configuration that can't be read, nothing else of it is looked at."""
    for finding in _environment():
        yield finding
    try:
        settings = load(file, os.environ, flags).settings
    except InvalidConfiguration as invalid:
        for fault in invalid.faults:
            yield Finding(Verdict.FAIL, "config", str(fault))
        return
    yield Finding(Verdict.OK, "config", "defaults: there is no file" if file is None else str(file))
    for finding in _place(settings):
        yield finding
    yield await _store(settings)
    for verdict, told in await provider_findings(settings):
        yield Finding(Verdict(verdict), "provider", told)
    yield await _tools(settings)
    for finding in _builtin_tools(settings):
        yield finding


def _builtin_tools(settings: Settings) -> Iterator[Finding]:
    """Findings about the built-in tools that the configured agents have."""
    named = {each for agent in settings.agents for each in agent.tools if isinstance(each, str)}
    if "file_ops" in named:
        root = settings.tools.file_ops_root or own_folder(settings)
        yield Finding(Verdict.OK, "file_ops", f"works in {root}")
    if "web_search" in named and settings.tools.web_search_endpoint is None:
        told = "tools.web_search_endpoint is not set: it answers that nothing was searched"
        yield Finding(Verdict.WARN, "web_search", told)


def _environment() -> list[Finding]:
    findings = [Finding(Verdict.OK, "python", f"{platform.python_version()} on {platform.system()}")]
    try:
        version = metadata.version(OTHER_AGENTS)
    except metadata.PackageNotFoundError:
        findings.append(Finding(Verdict.OK, "packages", f"{OTHER_AGENTS} is not beside us"))
    else:
        told = f"{OTHER_AGENTS} {version} is installed, too, and both are `agents`: one environment holds one of them"
        findings.append(Finding(Verdict.FAIL, "packages", told))
    try:
        findings.append(Finding(Verdict.OK, "loop", f"uvloop {metadata.version('uvloop')}"))
    except metadata.PackageNotFoundError:
        findings.append(Finding(Verdict.WARN, "loop", "asyncio's own: uvloop is not installed, it would be faster"))
    return findings


def _place(settings: Settings) -> list[Finding]:
    """The folder, the lock in it, and the port. A daemon that runs is no fault of theirs."""
    what = "state directory"
    path = settings.daemon.state_dir or default_state_dir()
    if not path.exists():
        return [Finding(Verdict.OK, what, f"{path}: made at the first start"), _port(settings)]
    try:
        folder = state_dir(settings)
    except CannotStart as refused:
        return [Finding(Verdict.FAIL, what, str(refused)), _port(settings)]
    good = Finding(Verdict.OK, what, str(folder.path))
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder.lock))
        except Taken as taken:
            return [good, Finding(Verdict.WARN, "lock", f"{taken}; its port and store are not looked at")]
        except CannotStart as refused:
            return [good, Finding(Verdict.FAIL, "lock", str(refused))]
        return [good, Finding(Verdict.OK, "lock", "free"), _port(settings)]


def _port(settings: Settings) -> Finding:
    try:
        check_listen(settings.gateway)
        check_certificate(settings.gateway)
        check_place(settings.gateway)
    except (GatewayError, CannotStart) as refused:
        return Finding(Verdict.FAIL, "port", str(refused))
    return Finding(Verdict.OK, "port", f"{settings.gateway.host}:{settings.gateway.port} is free")


async def _store(settings: Settings) -> Finding:
    from agents.sessions import SessionError, Store, store_url

    try:
        url = store_url(settings.sessions.url, settings.daemon.state_dir)
        if url.get_backend_name() == "sqlite" and not os.path.exists(url.database or ""):  # noqa: ASYNC240
            return Finding(Verdict.OK, "store", f"{url.database}: made at the first start")
        store = await Store.open(url, create=False)
        sessions = len(await store.sessions(limit=1))
        await store.close()
    except SessionError as failed:
        return Finding(Verdict.FAIL, "store", str(failed))
    return Finding(Verdict.OK, "store", f"{store}: opens{'' if sessions else ', and is empty'}")


async def _tools(settings: Settings) -> Finding:
    from agents.tools.errors import PoolUnavailable
    from agents.tools.pool import WorkerPool

    try:
        async with WorkerPool(1):
            pass
    except (PoolUnavailable, OSError) as failed:
        return Finding(Verdict.FAIL, "tools", str(failed))
    return Finding(Verdict.OK, "tools", f"worker processes start; {settings.tools.workers} may run at once")

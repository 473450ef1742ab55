"""The checks of `understudy doctor`. Each check returns findings; none of them prints a key.

The checks change nothing, except that a store of an older version is migrated, as at a daemon's start, and that tokens
of MCP servers are renewed.
"""

import os
import platform
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Final

from agents.agent_config.workspace import own_folder
from agents.configuration import InvalidConfiguration, load, unknown_agents
from agents.daemon.cluster_check import cluster_findings
from agents.daemon.errors import CannotStart, InUse
from agents.daemon.finding import Finding, Verdict
from agents.daemon.listen_address import check_port
from agents.daemon.lock import locked
from agents.daemon.mcp_check import mcp_findings
from agents.daemon.provider_check import provider_findings
from agents.daemon.settings import daemon_settings
from agents.daemon.state_dir import state_dir
from agents.daemon.store_check import NoStore, opened_store
from agents.gateway import GatewayError, check_certificate, check_listen
from agents.node.state_files import default_state_dir
from agents.sessions import SessionError, StoreInUse
from agents.settings import Durability, Settings

OTHER_AGENTS: Final = "openai-agents"
NEEDED: Final = ", but a node of a cluster keeps its sessions"


async def checks(file: Path | None, flags: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Yield the findings in a fixed order. The checks after the configuration's use its valid values."""
    for finding in _environment():
        yield finding
    try:
        loaded = load(file, os.environ, flags)
    except InvalidConfiguration as invalid:
        for fault in invalid.faults:
            yield Finding(Verdict.FAIL, "config", str(fault))
        if invalid.rest is None:
            return
        loaded = invalid.rest
    else:
        yield Finding(Verdict.OK, "config", "no file: every setting has its default" if file is None else str(file))
        for warning in unknown_agents(loaded):
            yield Finding(Verdict.WARN, "config", str(warning))
    settings = daemon_settings(loaded)
    found = _folder_and_port(settings)
    for finding in found:
        yield finding
    for finding in await _store(settings, daemon_runs=any(each.verdict is Verdict.WARN for each in found)):
        yield finding
    for finding in await provider_findings(settings):
        yield finding
    for finding in await mcp_findings(settings):
        yield finding
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
    """Check the folder, its lock, and the port. Only a daemon that runs is a warning."""
    subject = "state directory"
    path = settings.daemon.state_dir or default_state_dir()
    if not os.path.exists(path):  # Path.exists raises for a folder that may not be read
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


async def _store(settings: Settings, *, daemon_runs: bool) -> list[Finding]:
    """Check the store, and the cluster on it. A daemon that runs in the same folder may use it."""
    if settings.sessions.durability is Durability.OFF:
        verdict = Verdict.FAIL if settings.cluster.enabled else Verdict.OK
        return [Finding(verdict, "store", f"not used: sessions.durability is off{NEEDED * settings.cluster.enabled}")]
    try:
        async with opened_store(settings) as store:
            sessions = await store.sessions(limit=1)
            found = [Finding(Verdict.OK, "store", f"{store}: opens{'' if sessions else ', and is empty'}")]
            return found + (await cluster_findings(settings, store) if settings.cluster.enabled else [])
    except NoStore as none:
        return [Finding(Verdict.OK, "store", f"{none}: created at the first start")]
    except StoreInUse as used:
        return [Finding(Verdict.WARN if daemon_runs else Verdict.FAIL, "store", str(used))]
    except SessionError as failed:
        return [Finding(Verdict.FAIL, "store", str(failed))]


async def _workers(settings: Settings) -> Finding:
    from agents.tools.errors import PoolUnavailable
    from agents.tools.pool import WorkerPool

    try:
        async with WorkerPool(1):
            pass
    except (PoolUnavailable, OSError) as failed:
        return Finding(Verdict.FAIL, "tools", str(failed))
    return Finding(Verdict.OK, "tools", f"worker processes start; at most {settings.tools.workers} run at once")

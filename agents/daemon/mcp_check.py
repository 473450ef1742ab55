"""The check of the MCP servers: each is started or reached, and asked for its tools."""

import asyncio
from typing import Final

from agents.daemon.finding import Finding, Verdict
from agents.extras import MissingExtra
from agents.mcp.spec import ServerSpec
from agents.settings import Settings
from agents.tools.errors import ServerDown

SUBJECT: Final = "mcp"


async def mcp_findings(settings: Settings) -> list[Finding]:
    """Return a finding for each server of the settings. They are asked side by side."""
    return list(await asyncio.gather(*(_finding(ServerSpec(*each)) for each in settings.mcp.items())))


async def _finding(spec: ServerSpec) -> Finding:
    try:
        from agents.mcp.look import look

        seen = await look(spec)
    except MissingExtra as missing:
        return Finding(Verdict.FAIL, SUBJECT, f"{spec.name}: {missing}")
    except ServerDown as down:
        return Finding(Verdict.FAIL, SUBJECT, f"{spec.name}: {down.why}")
    server = " ".join(each for each in (seen.name, seen.version) if each) or "a server without a name"
    return Finding(Verdict.OK, SUBJECT, f"{spec.name}: {server}, {seen.tools} tools, in {seen.took_s:.2f} s")

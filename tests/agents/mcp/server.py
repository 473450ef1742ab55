"""A server by the official library.

python server.py [DESCRIPTOR [only_later]]

DESCRIPTOR: of a socket that listens; without it, the server speaks on stdin and stdout.
"""

import asyncio
import os
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import (
    UNSUPPORTED_PROTOCOL_VERSION,
    AudioContent,
    BlobResourceContents,
    EmbeddedResource,
    ImageContent,
    SamplingMessage,
    TextContent,
)
from opentelemetry import trace
from pydantic import BaseModel

app = MCPServer("tests", version="1.2", log_level="ERROR")


class Name(BaseModel):
    name: str


@app.tool()
async def echo(text: str) -> str:
    """Say the text again."""
    return text


@app.tool()
async def calculator(expression: str) -> str:
    """Do not calculate."""
    return f"the server's calculator got {expression}"


@app.tool()
async def sleeps(seconds: float) -> str:
    """Answer late."""
    await asyncio.sleep(seconds)
    return "awake"


@app.tool()
async def hangs(begun: str, cancelled: str) -> str:
    """Write a file, and never answer. If the call is cancelled, write another file."""
    Path(begun).write_text(str(os.getpid()))
    try:
        await asyncio.Event().wait()
    finally:
        Path(cancelled).write_text("cancelled")
    return ""


@app.tool()
async def fails(why: str) -> str:
    """Fail."""
    raise LookupError(why)


@app.tool()
async def counts(to: int, ctx: Context) -> str:
    """Report progress."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"step {number}")
    return "counted"


@app.tool()
async def asks(ctx: Context) -> str:
    """Ask the user."""
    return str(await ctx.elicit("Your name?", Name))


@app.tool()
async def samples(ctx: Context) -> str:
    """Ask the client's model."""
    said = SamplingMessage(role="user", content=TextContent(type="text", text="Hello."))
    return str(await ctx.session.create_message([said], max_tokens=1))


@app.tool()
async def adds_tool(name: str, ctx: Context) -> str:
    """Add a tool, and remove echo."""
    app.add_tool(echo, name=name, description="Say the text again, under another name.")
    app.remove_tool("echo")
    await ctx.session.send_tool_list_changed()
    await ctx.notify_tools_changed()
    return "added"


@app.tool()
async def environment() -> str:
    """Return the names of the variables."""
    return " ".join(sorted(os.environ))


@app.tool()
async def floods(size: int) -> str:
    """Return a text of this size."""
    return "x" * size


@app.tool(structured_output=False)
async def shows(files: list[str]) -> list[Any]:
    """Return these files, each as the block that the begin of its name says."""
    kinds = {"image": ImageContent, "audio": AudioContent}
    blocks: list[Any] = [TextContent(type="text", text="Look:")]
    for each in map(Path, files):
        data, kind = b64encode(each.read_bytes()).decode(), each.name.partition("-")[0]
        if kind in kinds:
            blocks.append(kinds[kind](type=kind, data=data, mime_type="x/claimed"))
        else:
            resource = BlobResourceContents(uri=each.as_uri(), blob=data, mime_type="x/claimed")
            blocks.append(EmbeddedResource(type="resource", resource=resource))
    return blocks


@app.tool()
async def pid() -> int:
    """Return the server's process id."""
    return os.getpid()


@app.tool()
async def traced() -> str:
    """Return the trace of the call."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}-{context.span_id:016x}"


@app.tool()
async def headers(ctx: Context) -> str:
    """Return the headers of the request that a test looks at."""
    given = ctx.headers or {}
    return f"{given.get('authorization')} {given.get('x-team')}"


meeting = asyncio.Condition()
here = 0


@app.tool()
async def meets(count: int) -> str:
    """Answer when this many calls run."""
    global here
    async with meeting:
        here += 1
        meeting.notify_all()
        await meeting.wait_for(lambda: here >= count)
    return "met"


async def refuse_handshake(ctx: Any, call_next: Any) -> Any:
    """Behave as a server that knows only the later versions of the protocol."""
    if ctx.method == "initialize":
        data = {"supported": ["2026-07-28"], "requested": "2025-11-25"}
        raise MCPError(code=UNSUPPORTED_PROTOCOL_VERSION, message="unsupported protocol version", data=data)
    return await call_next(ctx)


def main(descriptor: str | None = None, only_later: str = "") -> None:
    if only_later:
        app.middleware.append(refuse_handshake)
    if descriptor is None:
        app.run("stdio")
    else:
        uvicorn.run(app.streamable_http_app(), fd=int(descriptor), log_level="error")


if __name__ == "__main__":
    main(*sys.argv[1:])

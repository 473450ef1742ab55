"""`understudy timeline`: a turn of the daemon over time, as text or as an SVG file."""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.live import Live

from agents.cli.exit_codes import ExitCode
from agents.cli.listing import json_option, say_json
from agents.cli.printing import say
from agents.cli.refusal import refuse
from agents.cli.remote.completion import stream_argument
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.ids import by_id, streams
from agents.cli.view.timeline import timeline_text
from agents.client import Client
from agents.client.paths import path
from agents.timeline import Timeline, picture_of, svg

PAUSE_S: Final = 0.5


@click.command()
@stream_argument
@click.option(
    "--svg", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write an SVG to this file."
)
@json_option
@daemon_options
def timeline(stream_id: str, file: Path | None, as_json: bool, **options: Any) -> None:
    """Show a turn over time: model calls, tools, attempts, approvals and resets.

    On a terminal, a turn that runs is shown until it ends.
    """
    if as_json and file is not None:
        raise click.UsageError("expected --json or --svg, got both")

    async def show(client: Client, stream: str) -> int:
        if as_json:
            say_json([(await client.get(path("streams", stream, "timeline")))["timeline"]])
            return ExitCode.DONE
        if file is not None:
            return _write(file, svg(picture_of(await _timeline(client, stream))))
        console = Console(file=sys.stdout, highlight=False)
        if console.is_terminal:
            await _follow(client, stream, console)
        else:
            say(timeline_text(await _timeline(client, stream), console.width).plain)
        return ExitCode.DONE

    ask(options, lambda client: by_id(stream_id, streams(client), lambda id_: show(client, id_)))


async def _timeline(client: Client, stream_id: str) -> Timeline:
    answer = await client.get(path("streams", stream_id, "timeline"))
    return msgspec.convert(answer["timeline"], Timeline)


async def _follow(client: Client, stream_id: str, console: Console) -> None:
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while True:
            found = await _timeline(client, stream_id)
            live.update(timeline_text(found, console.width), refresh=True)
            if found.outcome is not None:
                return
            await asyncio.sleep(PAUSE_S)


def _write(file: Path, text: str) -> int:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        return refuse(f"--svg: expected a file that can be written, got {file}: {error.strerror}")
    return ExitCode.DONE

"""`understudy top PROGRAM` and `understudy tree PROGRAM`: run a Python program and show its processes meanwhile.

Without PROGRAM the commands ask the daemon (remote/top.py, remote/tree.py).

The program runs as under `python PROGRAM`. A thread beside it asks each process system of this OS process for its state
and draws it on stderr. A system whose loop is blocked too long is left out of that picture.
"""

import runpy
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any, TextIO

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from actors import system_info, top
from actors.observer import MEASURES, Measure, look
from agents.cli.listing import json_option
from agents.cli.moment import AGES, Length
from agents.cli.remote.completion import node_option
from agents.cli.remote.connection import daemon_options
from agents.cli.remote.top import SEARCHED, TopView, show_top
from agents.cli.remote.tree import show_tree
from agents.cli.view.processes import fits, top_text, tree_text
from supervisors import tree

ROWS = 20
SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


class ProgramFile(click.Path):
    """The file of a program. An option before it belongs to the command, which has no such option."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if ctx is not None and str(value).startswith("-"):
            known = (option for each in ctx.command.params if isinstance(each, click.Option) for option in each.opts)
            raise click.NoSuchOption(str(value), possibilities=get_close_matches(str(value), known), ctx=ctx)
        return super().convert(value, param, ctx)


program = click.argument(
    "program", required=False, type=ProgramFile(exists=True, dir_okay=False, path_type=Path), metavar="[PROGRAM]"
)
arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
every = click.option(
    "--every",
    "every_s",
    type=Length(positive=True),
    default="1",
    show_default=True,
    metavar="TIME",
    help=f"The time between two pictures: seconds, or {AGES}.",
)


@click.command("top", context_settings=SETTINGS)
@click.option(
    "--by", type=click.Choice(list(MEASURES)), default="reductions", show_default=True, help="The measure to sort by."
)
@click.option("--filter", "needle", default="", metavar="TEXT", help="Show only processes whose name has this text.")
@every
@json_option
@node_option
@daemon_options
@program
@arguments
def top_command(
    by: str,
    needle: str,
    every_s: float,
    as_json: bool,
    node: str | None,
    program: Path | None,
    arguments: tuple[str, ...],
    **options: Any,
) -> None:
    """Show the busiest processes of the daemon, and the turns that run with their tokens per second.

    On a terminal, keys change the picture: q quits, r, m and b sort by reductions, memory or mailbox, / filters. With
    PROGRAM, run it and show its processes on stderr.
    """
    if program is None:
        show_top(options, TopView(by, needle), every_s, node, as_json=as_json)
    else:
        console = Console(file=sys.stderr)
        width = console.width if console.is_terminal else None
        _run(program, arguments, partial(_busiest, by, needle, width), every_s)  # type: ignore[arg-type]  # a Choice


def _busiest(by: Measure, needle: str, width: int | None) -> str:
    infos = [info for info in top(by, SEARCHED if needle else ROWS) if fits(info, needle)]
    return top_text(infos[:ROWS], system_info(), width)


@click.command("tree", context_settings=SETTINGS)
@every
@json_option
@node_option
@daemon_options
@program
@arguments
def tree_command(
    every_s: float, as_json: bool, node: str | None, program: Path | None, arguments: tuple[str, ...], **options: Any
) -> None:
    """Show the supervision tree of the daemon. With PROGRAM, run it and show its tree on stderr."""
    if program is None:
        show_tree(options, node, as_json=as_json)
    else:
        _run(program, arguments, lambda: tree_text(tree()), every_s)


def _run(program: Path, arguments: tuple[str, ...], picture: Callable[[], str], every_s: float) -> None:
    """Run the program in this thread, which receives signals; draw in another."""
    ended = Event()
    drawing = Thread(target=_draw, args=(picture, every_s, ended, sys.stderr), name="inspect", daemon=True)
    sys.argv = [str(program), *arguments]
    sys.path.insert(0, str(program.parent))
    drawing.start()
    try:
        runpy.run_path(str(program), run_name="__main__")
    finally:
        ended.set()
        drawing.join()


def _draw(picture: Callable[[], str], every_s: float, ended: Event, out: TextIO) -> None:
    """Draw one picture that changes on a terminal, or one picture after the other elsewhere."""
    console = Console(file=out, highlight=False)
    if not console.is_terminal:
        while not ended.wait(every_s):
            out.write("".join(f"{text}\n\n" for text in look(picture)))
            out.flush()
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
        while not ended.wait(every_s):
            live.update(Text("\n\n".join(look(picture)), no_wrap=True, overflow="ellipsis"), refresh=True)

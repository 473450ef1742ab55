"""`understudy top PROGRAM` and `understudy tree PROGRAM`: run a Python program and show its processes meanwhile.

Without PROGRAM the commands ask the daemon (remote/look.py).

The program runs as under `python PROGRAM`. A thread beside it asks each process system of this OS process for its state
and draws it on stderr. A system whose loop is blocked too long is left out of that picture.
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any, TextIO

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from actors import system_info, top
from actors.observer import MEASURES, look
from agents.cli.remote.connection import daemon_options
from agents.cli.remote.look import show_top, show_tree
from agents.cli.view.processes import top_text, tree_text
from supervisors import tree

ROWS = 20
SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}

program = click.argument("program", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
arguments = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
node_option = click.option("--node", metavar="NODE", help="Show another node of the daemon's cluster.")
every = click.option("--every", "every_s", default=1.0, show_default=True, help="The seconds between two pictures.")


@click.command("top", context_settings=SETTINGS)
@click.option(
    "--by", type=click.Choice(list(MEASURES)), default="reductions", show_default=True, help="The measure to sort by."
)
@every
@node_option
@daemon_options
@program
@arguments
def top_command(
    by: str, every_s: float, node: str | None, program: Path | None, arguments: tuple[str, ...], **options: Any
) -> None:
    """Show the busiest processes of the daemon. With PROGRAM, run it and show its processes on stderr."""
    if program is None:
        show_top(options, by, every_s, node)
    else:
        console = Console(file=sys.stderr)
        width = console.width if console.is_terminal else None
        _run(program, arguments, lambda: top_text(top(by, ROWS), system_info(), width), every_s)  # type: ignore[arg-type]  # a Choice


@click.command("tree", context_settings=SETTINGS)
@every
@node_option
@daemon_options
@program
@arguments
def tree_command(
    every_s: float, node: str | None, program: Path | None, arguments: tuple[str, ...], **options: Any
) -> None:
    """Show the supervision tree of the daemon. With PROGRAM, run it and show its tree on stderr."""
    if program is None:
        show_tree(options, node)
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

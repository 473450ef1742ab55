"""The line that says what was wrong."""

import click

from agents.cli import WRONG_USE
from agents.cli.view.printable import one_line


def refuse(*lines: str) -> int:
    """Say on stderr what was wrong, a line each; the exit code for it."""
    for line in lines:
        click.echo(f"understudy: {one_line(line)}", err=True)
    return WRONG_USE

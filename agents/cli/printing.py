"""Output of a command: results go to stdout, faults and notes to stderr. All lines of the commands go through here.

click.echo would choose its own encoding for the default streams. Here both streams keep the encoding that
agents/node/standard_streams.py set.
"""

import os
import sys

import click


def say(text: str, *, nl: bool = True) -> None:
    """Write to stdout and flush, without colours if NO_COLOR is set (no-color.org)."""
    click.echo(text, file=sys.stdout, nl=nl, color=False if os.environ.get("NO_COLOR") else None)


def complain(text: str) -> None:
    """Write to stderr and flush."""
    click.echo(text, file=sys.stderr)

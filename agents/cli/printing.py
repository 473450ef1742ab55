"""Lines of a command: results on stdout, faults and notes on stderr. Nothing else of the commands prints lines.

click.echo would choose an encoding of its own for the default streams: here both have the encoding that
agents/node/standard_streams.py gave them.
"""

import sys

import click


def say(text: str, *, nl: bool = True) -> None:
    """Write to stdout, at once."""
    click.echo(text, file=sys.stdout, nl=nl)


def complain(text: str) -> None:
    """Write to stderr, at once."""
    click.echo(text, file=sys.stderr)

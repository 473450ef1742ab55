"""The reference of commands: `understudy COMMAND --help` of every command, from click's own description."""

import re
from collections.abc import Iterator

import click

from agents.cli import understudy
from docs.site.markdown import code, table

OPENING = """\
# Commands

`understudy --help` lists the commands, and `understudy COMMAND --help` shows what follows here.
[The daemon](../daemon.md#commands) describes the commands that talk to a daemon.
"""


def page() -> str:
    """Return the page."""
    with click.Context(understudy, info_name="understudy") as context:
        return "\n\n".join([OPENING, *_sections(understudy, context)]) + "\n"


def _sections(group: click.Group, context: click.Context, depth: int = 2) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        with click.Context(command, info_name=name, parent=context) as inner:
            yield f"{'#' * depth} {inner.command_path.removeprefix('understudy ')}"
            yield f"```text\n{inner.command_path} {' '.join(command.collect_usage_pieces(inner))}\n```"
            yield from described(command.help or "")
            records = [record for each in command.params if (record := each.get_help_record(inner))]
            if records:
                yield table(("option", "effect"), [(code(options), text) for options, text in records])
            if isinstance(command, click.Group):
                yield from _sections(command, inner, depth + 1)


def described(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text. Lines after a mark `\\b` keep their breaks, as in a terminal."""
    for paragraph in re.split(r"\n\s*\n", text.partition("\f")[0].strip()):
        kept = paragraph.removeprefix("\b\n")
        yield f"```text\n{kept}\n```" if kept != paragraph else " ".join(paragraph.split())

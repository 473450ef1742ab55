"""The manual page understudy(1), from click's own description of the commands: `python -m docs.site.man` writes it.

`understudy COMMAND --help` has the options of a command. So the page changes only with the commands.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click

from agents.cli import COMMANDS, understudy

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "config" / "understudy.1"

ENVIRONMENT: Final = {
    "UNDERSTUDY_CONFIG": "The configuration file. Default: ~/.config/understudy/sys.config.",
    "UNDERSTUDY_URL": "The address of the daemon that the commands ask.",
    "UNDERSTUDY_TOKEN_FILE": "The file with the token for this daemon.",
    "UNDERSTUDY_SECTION__KEY": "A setting of the configuration, such as UNDERSTUDY_GATEWAY__PORT=9000.",
    "OPENAI_API_KEY, OPENAI_BASE_URL": "The key and the address of the provider of models.",
    "NO_COLOR": "If it is set, the output has no colours.",
}
FILES: Final = {
    "~/.config/understudy/sys.config": "The configuration: `understudy config init` writes it, with every key.",
    "~/.local/state/understudy": "The daemon's state directory, with its token and its sessions.",
}


def page() -> str:
    """Return the page in the macros of man(7)."""
    return "\n".join([
        ".\\\" Made by python -m docs.site.man",
        ".TH UNDERSTUDY 1",
        *section("NAME", "understudy \\- supervised processes for LLM agents"),
        *section("SYNOPSIS", ".B understudy", "\\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]"),
        *section("DESCRIPTION", _escaped("understudy runs agents under supervision, in one command or in a daemon.")),
        *section("COMMANDS", _escaped("`understudy COMMAND --help` shows the options of a command."), *_commands()),
        *section("EXIT STATUS", *_entries(exit_codes())),
        *section("ENVIRONMENT", *_entries(ENVIRONMENT.items())),
        *section("FILES", *_entries(FILES.items())),
        "",
    ])  # fmt: skip


def section(title: str, *lines: str) -> list[str]:
    return [f".SH {title}", *lines]


def exit_codes() -> Iterator[tuple[str, str]]:
    """Yield each exit code and its meaning, from the table of docs/operating.md."""
    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").partition("\n## Exit codes\n")[2]
    for code, meaning in re.findall(r"^\| (\d+) \| ([^|]+) \|", text.partition("\n## ")[0], re.MULTILINE):
        yield code, meaning.strip()


def _commands() -> Iterator[str]:
    with click.Context(understudy, info_name="understudy") as context:
        for name, (_, line) in COMMANDS.items():
            command = understudy.get_command(context, name)
            below = command.list_commands(context) if isinstance(command, click.Group) else []
            more = f" Also: {', '.join(f'{name} {each}' for each in below)}." if below else ""
            yield from _entries([(name, f"{line}{more}")])


def _entries(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for title, text in entries:
        yield from (".TP", f".B {_escaped(title)}", _escaped(text))


def _escaped(text: str) -> str:
    """Return text as roff prints it: quotes of code become bold, hyphens stay hyphens."""
    bold = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text.replace("\\", "\\e").replace("-", "\\-"))
    return f"\\&{bold}" if bold.startswith((".", "'")) else bold


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")

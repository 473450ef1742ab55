"""Markdown of made pages: tables, code, texts of docstrings."""

import inspect
import re
from collections.abc import Iterable, Sequence

NAMED = re.compile(r"(?<![\w`])(?P<name>[a-z_][a-z0-9_]*(?:, [a-z_][a-z0-9_]*)*): ")
"""The name of a field or a parameter, before its text."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; the text of a cell becomes one line."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines) + "\n"


def cell(text: str) -> str:
    """Return a text for a cell: one line, with its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """Return a short piece of code. Its bars stay bars, except in a cell."""
    return f"`{text}`"


def prose(owner: object) -> str:
    """Return an object's docstring as paragraphs, with the names of its fields as code."""
    paragraphs = re.split(r"\n\s*\n", inspect.getdoc(owner) or "")
    return "\n\n".join(NAMED.sub(_as_code, " ".join(each.split())) for each in paragraphs)


def _as_code(match: re.Match[str]) -> str:
    return ", ".join(f"`{name}`" for name in match["name"].split(", ")) + ": "

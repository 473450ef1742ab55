"""An answer's Markdown for a terminal. Finished blocks are formatted once; the unfinished one follows."""

import re
from collections.abc import Iterable
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.markdown import Markdown

from agents.cli.view.printable import printable

FENCE: Final = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")
PARSER: Final = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")
"""The parser. HTML of a model is text."""


class AnswerMarkdown(Markdown):
    """The Markdown of a model. Lines stay lines, links show their address, and no control character is printed."""

    def __init__(self, text: str) -> None:
        super().__init__("", code_theme="ansi_dark", hyperlinks=False)
        self.markup = printable(text)
        self.parsed = PARSER.parse(self.markup)
        _make_printable(self.parsed)


def whole_blocks(text: str) -> int:
    """Return the length of the part of the text that is made of whole blocks: up to the last empty line outside code.

    Source: CommonMark, "Blank lines", "Fenced code blocks".
    """
    position = whole = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        position += len(line)
        found = FENCE.match(line)
        if fence:
            if found and found["fence"].startswith(fence) and not found["info"].strip():
                fence = ""
        elif found:
            fence = found["fence"]
        elif not line.strip() and line.endswith("\n"):
            whole = position
    return whole


def _make_printable(tokens: Iterable[Token]) -> None:
    """Replace the control characters that entities such as `&#x202e;` bring, and keep the breaks of lines."""
    for token in tokens:
        token.content = printable(token.content)
        if token.type == "softbreak":
            token.type, token.tag = "hardbreak", "br"
        token.attrs = {name: printable(str(value)) for name, value in token.attrs.items()}
        _make_printable(token.children or ())

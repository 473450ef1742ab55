"""Text of the command line: an argument in another encoding than the locale's is decoded, or refused in words."""

import os
from typing import Any

import click
from click.types import StringParamType


class Text(StringParamType):
    """An argument as text. In a locale without its characters Python hands on its bytes as half surrogates."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text: str = super().convert(value, param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            given = os.fsencode(text)
            try:
                return given.decode()
            except UnicodeDecodeError:
                self.fail(f"expected text in UTF-8, got {given!r}", param, ctx)
        return text


TEXT = Text()


def with_text(command: click.Command) -> click.Command:
    """The command, and those below it, with TEXT for every parameter that is a plain string."""
    for param in command.params:
        if type(param.type) is StringParamType:
            param.type = TEXT
    if isinstance(command, click.Group):
        for each in command.commands.values():
            with_text(each)
    return command

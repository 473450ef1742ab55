"""Text of the command line: decode an argument that is not in the locale's encoding, or refuse it."""

import os
from typing import Any

import click
from click.types import StringParamType


class DecodedText(StringParamType):
    """An argument as text.

    If the locale's encoding lacks a character, Python passes its bytes on as lone surrogates.
    """

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


TEXT = DecodedText()


def with_text(command: click.Command) -> click.Command:
    """Use TEXT for each plain string parameter of the command and its subcommands; return the command."""
    for param in command.params:
        if type(param.type) is StringParamType:
            param.type = TEXT
    if isinstance(command, click.Group):
        for each in command.commands.values():
            with_text(each)
    return command

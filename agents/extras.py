"""Extras: features whose libraries the core does not install, and the refusal of such a feature without them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, Self, TypeAlias

Extra: TypeAlias = Literal["daemon", "postgres", "mcp", "otel", "bedrock"]
"""An extra that brings libraries of its own. Source: pyproject.toml."""

__all__ = ["Extra", "MissingExtra", "extra"]

OWN: Final = frozenset({"actors", "agents", "supervisors"})


class MissingExtra(ImportError):
    """Raised at the first use of a feature whose libraries are not installed. The text is one line.

    command: the command that installs the libraries.
    """

    command: str

    @classmethod
    def of(cls, extra: Extra, feature: str, library: str | None) -> Self:
        """Return the refusal of a feature, with the library that it misses and the extra that brings the library."""
        command = f"pip install 'understudy[{extra}]'"
        made = cls(f"{feature} needs {library}, which is not installed: {command}", name=library)
        made.command = command
        return made


@contextmanager
def extra(name: Extra, feature: str) -> Iterator[None]:
    """Import an extra's libraries in this block. Raises MissingExtra, which names the feature and the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in OWN:
            raise
        raise MissingExtra.of(name, feature, library) from None

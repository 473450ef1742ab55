"""Reads the tables of docs/erlang-map.md."""

import importlib
import re
from pathlib import Path
from typing import Any, NamedTuple

DOCUMENT = Path(__file__).parents[1] / "docs" / "erlang-map.md"

_ROW = re.compile(r"\| `(?P<erlang>[^`]+)` \| `(?P<python>[\w.]+)` \| .*\|")


class Row(NamedTuple):
    """A row. erlang: the documented name. python: a dotted path."""

    erlang: str
    python: str

    @property
    def tag(self) -> str:
        """The atom of `{tag, Field, ...}`, or the bare atom."""
        return re.split(r"[{},#\s]+", self.erlang.lstrip("{"))[0]

    @property
    def fields(self) -> list[str]:
        """The other words, in Python's spelling: `ToolId` is tool_id."""
        words = re.findall(r"\w+", self.erlang)[1:]
        return [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower() for word in words]

    def found(self) -> Any:
        """Return the target of the dotted path: a function, a class, or the name of a field of a class."""
        parts = self.python.split(".")
        for length in range(len(parts) - 1, 0, -1):
            try:
                found: Any = importlib.import_module(".".join(parts[:length]))
            except ModuleNotFoundError:
                continue
            for name in parts[length:]:
                found = name if name in _fields(found) else getattr(found, name)
            return found
        raise AssertionError(f"{self.python} is not in a module")


def rows(heading: str) -> list[Row]:
    """Return the rows under a heading of the document, in order. An invalid line of a table is an error."""
    _, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    section, _, _ = rest.partition("\n## ")
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert lines, f"no table under {heading!r}"
    found = [_ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [Row(match["erlang"], match["python"]) for match in found if match]


def headings() -> list[str]:
    """Return the headings of the sections with a table."""
    sections = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [section.partition("\n")[0] for section in sections if "\n|" in section]


def _fields(owner: Any) -> tuple[str, ...]:
    """Return the fields of a struct or a pydantic model."""
    if not isinstance(owner, type):
        return ()
    return (*getattr(owner, "__struct_fields__", ()), *getattr(owner, "model_fields", ()))

"""A script as TOML text. The standard library reads TOML, and does not write it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")
HALF = re.compile(r"[\ud800-\udfff]")


def script_text(models: Mapping[str, Sequence[Mapping[str, Any]]], notes: Sequence[str]) -> str:
    """Return the text of a script. models: the turns of each. notes: lines for a comment at its beginning."""
    return "\n".join((*(f"# {_line(note)}" for note in notes), *_models(models), ""))


def _models(models: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    for name, turns in models.items():
        path = f"models.{_key(name)}.turns"
        for turn in turns:
            yield f"\n[[{path}]]"
            yield from _pairs({key: value for key, value in turn.items() if key != "steps"})
            for step in turn["steps"]:
                yield f"\n[[{path}.steps]]"
                yield from _pairs(step)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(name)} = {_value(value)}" for name, value in table.items())


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return json.dumps(HALF.sub("\ufffd", value), ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return f"{{ {', '.join(_pairs(value))} }}"
        case _:
            return f"[{', '.join(map(_value, value))}]"


def _line(text: str) -> str:
    return _value(text)[1:-1]

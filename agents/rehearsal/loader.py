"""Read script files: TOML becomes a Script, and each fault of a file one line."""

import tomllib
from functools import reduce
from importlib.resources import files
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agents.rehearsal.errors import ScriptError
from agents.rehearsal.script import Script

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def load(path: str | Path) -> Script:
    """Return the script in a file. Raises ScriptError."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as exc:
        raise ScriptError(f"{path}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ScriptError(f"{path}: not UTF-8 at byte {exc.start}") from exc
    return parse(text, source=str(path))


def parse(text: str, source: str = "script") -> Script:
    """Return the script in a TOML text. source: its name in error lines. Raises ScriptError."""
    try:
        return Script.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        raise ScriptError(f"{source}: not TOML: {exc}") from exc
    except ValidationError as exc:
        raise ScriptError(*(f"{source}: {_line(error)}" for error in exc.errors(include_url=False))) from exc


def builtin() -> Script:
    """Return the models of the package: rehearsal, echo, recovers, and fault-NAME for each fault."""
    folder = files("agents.rehearsal") / "scripts"
    scripts = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return reduce(or_, (parse(file.read_text(encoding="utf-8"), source=file.name) for file in scripts))


def _line(error: "ErrorDetails") -> str:
    where = _key_path(error["loc"])
    return f"{where}: {_what(error)}" if where else _what(error)


def _key_path(loc: tuple[int | str, ...]) -> str:
    """("models", "demo", "turns", 0) -> models.demo.turns[0]"""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in loc).removeprefix(".")


def _what(error: "ErrorDetails") -> str:
    match error["type"]:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "missing"
        case "literal_error":
            return f"expected {error['ctx']['expected']}, got {error['input']!r}"
        case "value_error":
            return error["msg"].removeprefix("Value error, ")
        case _:
            return f"{error['msg'].replace('Input should be', 'expected')}, got {error['input']!r}"

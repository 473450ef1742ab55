"""The parameters of applications, from a sys.config and the files that it includes.

Source: application_controller:check_conf_sys/4 (OTP). A file is a list of {Application, [{Parameter, Value}]} and names
of other files. A name stands for the content of its file. A later parameter replaces an earlier one as a whole. Beyond
OTP: an included file may include others, a name is relative to the file that has it, and one list may give a parameter
only once.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from agents.configuration.erlang import Atom, List, ParseFailed, Position, String, Term, Tuple, parse
from agents.configuration.faults import unknown_key
from agents.configuration.sources.reading import pairs_of, shown
from agents.core.faults import Fault, KeyPath, Where
from agents.settings.regular_file import UnreadableFile, read

MAX_BYTES: Final = 1024 * 1024
MAX_FILES: Final = 100
EXTENSION: Final = ".config"

APPLICATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "agents": (
        *("model", "base_url", "api_key", "headers", "query", "api_version", "aws", "prompt_cache_key"),
        *("prices", "budgets", "streaming", "tools", "parts", "providers", "garbage_collection", "mcp", "sub_agents"),
        "hooks",
    ),
    "understudy": (
        *("agents", "schedules", "scheduling", "sessions", "cluster", "gateway", "daemon", "logging", "telemetry"),
        *("webhooks", "supervision"),
    ),
}
"""The parameters of each application. Source of the first: API reference, "Stream Configuration"."""


class Parameter(Struct, frozen=True):
    value: Term
    file: Path


class Files:
    """A file and its includes. parameters: the last value of each, by name. read: the paths of all files."""

    def __init__(self, path: Path) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.faults: list[Fault] = []
        self.read: list[Path] = []
        self._take(path, (), (path, None))

    def _take(self, path: Path, including: tuple[Path, ...], asked: tuple[Path, Position | None]) -> None:
        """Add a file.

        including: the files that include this one, the outermost first. asked: the place of the include.
        """
        if len(self.read) >= MAX_FILES:
            return self._fault(*asked, (), f"at most {MAX_FILES} files", "more")
        self.read.append(path)
        try:
            elements = _elements(path)
        except ParseFailed as failed:
            return self._fault(path, failed.at, (), failed.expected, failed.got)
        except UnreadableFile as failed:
            expected = f"a readable file at {path}" if including else "a readable file"
            return self._fault(*asked, (), expected, str(failed))
        for element in elements:
            match element:
                case String(text=name) if name:
                    self._include(path, element.at, name, (*including, path))
                case Tuple(items=(Atom(name=application), environment)):
                    self._application(path, application, element.at, environment)
                case _:
                    expected = '{Application, [{Parameter, Value}]} or "file"'
                    self._fault(path, element.at, (), expected, shown(element))
        return None

    def _include(self, path: Path, at: Position, name: str, including: tuple[Path, ...]) -> None:
        """Add an included file, whose extension may be left out. Source: config(4) of OTP."""
        included = path.parent / (name if name.endswith(EXTENSION) else name + EXTENSION)
        if any(_same(included, each) for each in including):
            return self._fault(path, at, (), "a file that does not include itself", str(included))
        return self._take(included, including, (path, at))

    def _application(self, path: Path, name: str, at: Position, environment: Term) -> None:
        known = APPLICATIONS.get(name)
        if known is None:
            return self._fault(path, at, (), "a known application", _unknown(name))
        pairs = pairs_of(environment)
        if pairs is None:
            expected = f"the parameters of {name}: [{{Parameter, Value}}, ...]"
            return self._fault(path, environment.at, (), expected, shown(environment))
        given: set[str] = set()
        for key, value in pairs:
            parameter = key.name if isinstance(key, Atom) else shown(key)
            if parameter not in known:
                self._fault(path, key.at, (parameter,), f"a parameter of {name}", _misplaced(parameter, known))
            elif parameter in given:
                self._fault(path, key.at, (parameter,), "every key once", f"{parameter} again")
            else:
                given.add(parameter)
                self.parameters[parameter] = Parameter(value, path)
        return None

    def _fault(self, path: Path, at: Position | None, key: KeyPath, expected: str, got: str) -> None:
        where = Where(str(path)) if at is None else place_in(path, at)
        self.faults.append(Fault(key, expected, got, where=where))


def place_in(path: Path, at: Position) -> Where:
    return Where(str(path), at.line, at.column)


def _elements(path: Path) -> tuple[Term, ...]:
    """Return the elements of a file's list. Raises UnreadableFile, ParseFailed."""
    term = parse(_text(path))
    if not isinstance(term, List):
        raise ParseFailed(term.at, "a list: [{Application, [...]}, ...].", shown(term))
    return term.items


def _text(path: Path) -> str:
    data, _ = read(path, MAX_BYTES)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        lines = data[: error.start].decode("utf-8-sig", errors="replace").split("\n")
        at = Position(len(lines), len(lines[-1]) + 1)
        raise ParseFailed(at, "UTF-8", f"the byte {data[error.start]:#04x}") from None


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _unknown(application: str) -> str:
    """Return the unknown application in words. It may be a parameter that stands at the place of its application."""
    for name, parameters in APPLICATIONS.items():
        if application in parameters:
            return f"the key {application} of {name}: write {{{name}, [{{{application}, ...}}]}}"
    return unknown_key(application, APPLICATIONS)


def _misplaced(parameter: str, known: tuple[str, ...]) -> str:
    for application, parameters in APPLICATIONS.items():
        if parameter in parameters:
            return f"{parameter}, which belongs to {application}"
    return unknown_key(parameter, known)

"""From the sources to Settings: read, merged by precedence and validated, with every fault in one exception."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from pydantic import ValidationError

from agents.agent_config.workspace import misplaced
from agents.configuration.cross_faults import code_faults, cross_faults
from agents.configuration.faults import InvalidConfiguration
from agents.configuration.kinds import Form, Kind
from agents.configuration.placing import faulty, placed
from agents.configuration.sources.files import Files, place_in
from agents.configuration.sources.overrides import CONFIG, of_environment, of_flags
from agents.configuration.sources.reading import Mark, SourceReader
from agents.core.faults import Fault, InvalidValue, KeyPath
from agents.settings import Settings
from agents.settings.faults import of_pydantic

ROOT: Final = Kind(Form.SECTION, "the settings", model=Settings)
FILE: Final = "sys.config"
NAME_IN_MAPPING: Final = "[key]"
"""The last part of pydantic's path of a faulty name in a mapping."""


class Loaded(Struct, frozen=True):
    """The settings and their origin.

    marks: the sources of values that are not defaults. files: the file and its includes.
    """

    settings: Settings
    marks: Mapping[KeyPath, Mark]
    files: tuple[Path, ...] = ()


def found(environ: Mapping[str, str]) -> Path | None:
    """Return the default file: that of UNDERSTUDY_CONFIG, else the user's file if it exists."""
    if named := environ.get(CONFIG):
        return Path(named)
    own = own_folder(environ) / FILE
    return own if os.path.exists(own) else None  # Path.exists raises for a folder that may not be read


def own_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's configuration folder. Source: XDG Base Directory Specification."""
    home = Path(environ.get("HOME") or Path.home())
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "understudy"


def load(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, str] | None = None, *, agents: bool = True
) -> Loaded:
    """Read defaults, file, environment and flags; each overrides the earlier ones. Raises InvalidConfiguration.

    agents: whether to check the agents and the hooks, too, for which their modules are imported.
    """
    files = None if file is None else Files(file)
    faults = [] if files is None else list(files.faults)
    data: dict[str, Any] = {}
    marks: dict[KeyPath, Mark] = {}
    of_files = () if files is None else _of_files(files, environ)
    for reader in (*of_files, *of_environment(environ, ROOT), *of_flags(flags or {}, ROOT, environ)):
        faults += reader.faults
        _lay_over(data, marks, reader)
    faults += _unrelated(_name_agents(data, marks), faults)
    settings, further = _validated(data, marks)
    faults += _unrelated(further, faults)
    read = () if files is None else tuple(files.read)
    faults += _unrelated(_misplaced(settings, marks, read), faults)
    faults += _unrelated(cross_faults(settings, marks), faults)
    if agents:
        sound = not any(_is_ground(fault) for fault in faults)
        faults += _unrelated(code_faults(settings, marks, sound=sound), faults)
    loaded = Loaded(settings, marks, read)
    if faults:
        raise InvalidConfiguration(sorted(faults, key=_place), loaded)
    return loaded


def _of_files(files: Files, environ: Mapping[str, str]) -> Iterator[SourceReader]:
    for name, parameter in files.parameters.items():
        path = parameter.file
        reader = SourceReader(lambda at, path=path: place_in(path, at), path.parent, environ)  # type: ignore[misc]  # a default
        reader.read(parameter.value, ROOT.fields[name], (name,))
        yield reader


def _lay_over(data: dict[str, Any], marks: dict[KeyPath, Mark], reader: SourceReader) -> None:
    """Replace earlier values and their marks by later ones."""
    for path, value in reader.found.items():
        *above, name = path
        section = data
        for part in above:
            section = section.setdefault(part, {})  # type: ignore[arg-type]  # lists are given as a whole
        section[name] = value  # type: ignore[index]
        for old in [each for each in marks if each[: len(path)] == path]:
            del marks[old]
    marks.update(reader.marks)


def _name_agents(data: dict[str, Any], marks: Mapping[KeyPath, Mark]) -> Iterator[Fault]:
    """Give configured agents without an id their name as id, so that each finds its session again."""
    known: set[str] = set()
    for number, agent in enumerate(data.get("agents") or ()):
        id_ = agent.setdefault("id", agent.get("name"))
        if id_ is None:
            del agent["id"]
            yield faulty(("agents", number), marks, "an id or a name", "neither")
        elif id_ in known:
            yield faulty(("agents", number, "id"), marks, "every id once", f"{id_!a} again")
        known.add(id_)


def _validated(data: dict[str, Any], marks: Mapping[KeyPath, Mark]) -> tuple[Settings, list[Fault]]:
    """Return the settings without their invalid values, so that the rest can be checked too."""
    faults: list[Fault] = []
    while True:
        try:
            return Settings.model_validate(data), faults
        except ValidationError as error:
            for each in error.errors(include_url=False, include_input=False):
                path = tuple(each["loc"])
                if all(fault.path[: len(path)] != path for fault in faults):  # else a value of it was removed
                    faults.append(_invalid_value(each, marks))
                _remove(data, path)


def _remove(data: Any, path: KeyPath) -> None:
    """Remove the faulty value: the whole list if it is in one, or the section that lacks a required value.

    A value that an earlier fault removed stays removed, and nothing around it is removed.
    """
    for length in range(len(path), 0, -1):
        section, name = _section(data, path[: length - 1]), path[length - 1]
        if section is None or (isinstance(name, str) and name in section):
            if section is not None:
                del section[name]
            return


def _section(data: Any, path: KeyPath) -> Any:
    """Return the section at a path, or None if it does not exist."""
    for part in path:
        if isinstance(part, str) and part not in data:
            return None
        data = data[part]
    return data


def _invalid_value(error: Mapping[str, Any], marks: Mapping[KeyPath, Mark]) -> Fault:
    path: KeyPath = tuple(error["loc"])
    if path[-1:] == (NAME_IN_MAPPING,):
        fault = of_pydantic({**error, "loc": path[:-1]})
        return placed(replace(fault, got=repr(path[-2])), marks)
    form, cause = _kind_at(path).form, error.get("ctx", {}).get("error")
    if form is Form.SECTION and isinstance(cause, InvalidValue):  # about several values of it
        return placed(cause.fault.below(*path), marks)
    if form is Form.MAPPING:  # the fault is in a name, or in one of the values
        return placed(of_pydantic(error), marks)
    mark = marks.get(path)
    return faulty(path, marks, _kind_at(path).words, "nothing" if mark is None else mark.text)


def _kind_at(path: KeyPath) -> Kind:
    kind = ROOT
    for part in path:
        kind = kind.fields[str(part)] if kind.form is Form.SECTION else kind.inner
    return kind


def _misplaced(settings: Settings, marks: Mapping[KeyPath, Mark], files: Iterable[Path]) -> Iterator[Fault]:
    if (found := misplaced(settings, files)) is not None:
        yield placed(found, marks)


def _place(fault: Fault) -> tuple[bool, str, int, int]:
    """Return a sort key: faults of a file by their place, then the others in their order."""
    where = fault.where
    return (False, where.name, where.line, where.column) if where is not None and where.line else (True, "", 0, 0)


def _unrelated(faults: Iterable[Fault], known: list[Fault]) -> list[Fault]:
    """Return the faults whose value neither contains nor is contained in the value of a known fault."""
    return [fault for fault in faults if not any(_within(fault.path, each.path) for each in known if each.path)]


def _within(one: KeyPath, other: KeyPath) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]


def _is_ground(fault: Fault) -> bool:
    return not fault.path or fault.path[0] in {"model", "providers", "prices", "tools", "hooks"}

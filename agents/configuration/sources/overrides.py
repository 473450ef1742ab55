"""Overrides of the file: UNDERSTUDY_GATEWAY__PORT=9000 in the environment, and flags such as gateway.port=9000.

Text, paths, addresses and choices are given as they are, other values as Erlang terms. A variable may hold a secret. A
flag, which other users can read, holds only a reference to it. An empty variable counts as unset.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from agents.configuration.erlang import Atom, ParseFailed, String, parse
from agents.configuration.faults import unknown_key
from agents.configuration.kinds import AS_IT_IS, Form, Kind
from agents.configuration.sources.reading import NOT_SHOWN, SourceReader
from agents.configuration.sources.secrets import holds_password
from agents.core.faults import FLAG, KeyPath, Where
from agents.node.state_files import TOKEN_FILE, URL

PREFIX: Final = "UNDERSTUDY_"
CONFIG: Final = "UNDERSTUDY_CONFIG"

NOT_SETTINGS: Final = frozenset({CONFIG, URL, TOKEN_FILE})
"""Variables with our prefix that say something else."""


def of_environment(environ: Mapping[str, str], root: Kind) -> Iterable[SourceReader]:
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS and environ[name]:
            parts = name.removeprefix(PREFIX).lower().split("__")
            yield _read(name, parts, environ[name], root, environ, secret=True)


def of_flags(flags: Mapping[str, str], root: Kind, environ: Mapping[str, str]) -> Iterable[SourceReader]:
    """Read flags, given by dotted key."""
    for name, text in flags.items():
        yield _read(f"{FLAG}{name}", name.split("."), text, root, environ, secret=False)


def _read(
    where: str, parts: list[str], text: str, root: Kind, environ: Mapping[str, str], *, secret: bool
) -> SourceReader:
    """Read one value. secret: whether the text may be a secret."""
    reader = SourceReader(lambda _: Where(where), Path.cwd(), environ)
    path: KeyPath = ()
    kind = root
    for part in parts:
        inner = kind.inner if kind.form is Form.MAPPING else kind.fields.get(part)
        if inner is None:
            reader.fault(_START, (*path, part), "a known key", unknown_key(part, kind.fields))
            return reader
        path, kind = (*path, part), inner
    if secret and (kind.form is Form.SECRET or (kind.form is Form.ADDRESS and holds_password(text))):
        reader.take_secret(text, path)
    else:
        _take(reader, text, kind, path)
    return reader


def _take(reader: SourceReader, text: str, kind: Kind, path: KeyPath) -> None:
    if kind.optional and text == "undefined":
        reader.read(Atom(text), kind, path)
    elif kind.form in AS_IT_IS:
        reader.read(String(text), kind, path)
    else:
        try:
            term = parse(f"{text}\n.")
        except ParseFailed:
            reader.fault(_START, path, kind.words, NOT_SHOWN if kind.form is Form.SECRET else "no term")
        else:
            reader.read(term, kind, path)


_START: Final = Atom("").at

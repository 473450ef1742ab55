"""References to secrets: {env, "NAME"}, or {file, "path"} to a file that only its owner may read."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from agents.configuration.erlang import Atom, Binary, String, Term, Tuple
from agents.node.redaction import SECRET_PARAMETER
from agents.settings.secret import RenewedSecret
from agents.settings.secret_file import FileKey, NoSecret, secret_in


def is_reference(term: Term) -> bool:
    match term:
        case Tuple(items=(Atom(name="env" | "file"), String() | Binary())):
            return True
        case _:
            return False


def resolved(
    reference: Term, environ: Mapping[str, str], folder: Path, *, renewed: bool = False
) -> str | RenewedSecret:
    """Return the secret. folder: that of the file with the reference. Raises NoSecret.

    renewed: a file is read again when it has changed.
    """
    assert isinstance(reference, Tuple)
    kind, where = reference.items
    assert isinstance(kind, Atom)
    name = where.text if isinstance(where, String) else _decoded(where)
    if kind.name == "env":
        return _of_environment(name, environ)
    path = folder / Path(name).expanduser()
    secret = secret_in(path)
    return RenewedSecret(FileKey(path)) if renewed else secret


def holds_password(address: str) -> bool:
    try:
        parts = urlsplit(address)
        names = [name for name, _ in parse_qsl(parts.query)]
        return parts.password is not None or any(SECRET_PARAMETER.fullmatch(name) for name in names)
    except ValueError:
        return "@" in address


def _of_environment(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value:
        return value
    raise NoSecret(f"{name} in the environment", "none" if value is None else "an empty one")


def _decoded(term: Term) -> str:
    assert isinstance(term, Binary)
    try:
        return term.data.decode()
    except UnicodeDecodeError:
        raise NoSecret("UTF-8", "other bytes") from None

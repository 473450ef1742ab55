"""Headers and query parameters of a provider's requests. Their values may be secrets, so they are shown nowhere."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, SecretStr

from agents.core.faults import Fault, InvalidValue
from agents.core.text import no_text_in
from agents.settings.secret import NO_SECRET

__all__ = ["NOT_GIVEN", "GivenPairs", "Headers", "MaybeWritten", "Parameters", "WrittenValue", "pairs_of"]

GivenPairs: TypeAlias = Mapping[str, SecretStr | str] | None

NOT_GIVEN: Final[Any] = NO_SECRET

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header. Source: RFC 9110, 5.6.2."""

OURS: Final = frozenset(
    {"accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "te", "trailer"}
    | {"transfer-encoding", "upgrade"}
)
"""Headers that describe the connection and the body, which the client writes itself."""


class MaybeWritten:
    """The mark of a secret that a file may also give as it is: many headers are none."""


class WrittenValue(SecretStr):
    """A value that the configuration file gives as it is."""


def pairs_of(given: Mapping[str, SecretStr] | None) -> tuple[tuple[str, str], ...]:
    """Return the names with their values."""
    return tuple((name, value.get_secret_value()) for name, value in (given or {}).items())


def _headers(given: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Return the headers if a request can carry them. Raises InvalidValue if not."""
    known: set[str] = set()
    for name, value in given.items():
        if TOKEN.fullmatch(name) is None:
            raise InvalidValue(Fault((), "names of headers", ascii(name[:80])))
        if name.lower() in OURS:
            raise InvalidValue(Fault((), "headers that the client does not write itself", ascii(name)))
        if name.lower() in known:
            raise InvalidValue(Fault((), "every header once", f"{name} again"))
        if not _is_printable(value.get_secret_value()):
            raise InvalidValue(Fault((name,), "printable ASCII", "other characters (not shown)"))
        known.add(name.lower())
    return given


def _parameters(given: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Return the parameters if an address can carry them. Raises InvalidValue if not."""
    for name, value in given.items():
        if not name or no_text_in(name) is not None:
            raise InvalidValue(Fault((), "names of parameters", ascii(name[:80])))
        if no_text_in(value.get_secret_value()) is not None:
            raise InvalidValue(Fault((name,), "text", "something else (not shown)"))
    return given


def _is_printable(text: str) -> bool:
    return text.isascii() and text.isprintable()


if TYPE_CHECKING:
    from agents.settings.secret import _Secret

    Headers: TypeAlias = _Secret[Mapping[str, SecretStr] | None, GivenPairs]
    Parameters: TypeAlias = _Secret[Mapping[str, SecretStr] | None, GivenPairs]
else:
    _Pairs = dict[str, Annotated[SecretStr, MaybeWritten()]]
    Headers = Annotated[_Pairs, AfterValidator(_headers)] | None
    Parameters = Annotated[_Pairs, AfterValidator(_parameters)] | None

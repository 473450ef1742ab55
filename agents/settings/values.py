"""The kinds of values that settings are made of. `kind` in agents/configuration/kinds.py says each in words."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

HTTP_ADDRESS = "^https?://."


@dataclass(frozen=True)
class Unit:
    """Of a number; a value's name says it too where it is not the documented ms."""

    name: str


@dataclass(frozen=True)
class Spelled:
    """Of text that has a pattern: what it is made of."""

    words: str


class Address:
    """Of text that may hold a password: in a file it stands by reference if it does."""


def _reachable(address: str) -> str:
    """Raises ValueError for what begins as an address and has no host, or a port that is none."""
    parts = urlsplit(address)
    if not parts.hostname or parts.port == 0:
        raise ValueError("expected a host, and a port from 1 to 65535 if any")
    return address


Count = Annotated[int, Field(gt=0)]
Milliseconds = Annotated[int, Field(gt=0), Unit("ms")]
Wait = Annotated[int, Field(ge=0), Unit("ms")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("s")]
Bytes = Annotated[int, Field(gt=0), Unit("bytes")]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
HttpAddress = Annotated[str, Field(pattern=HTTP_ADDRESS), AfterValidator(_reachable), Address()]
DatabaseAddress = Annotated[str, Field(pattern="^[a-z0-9+]+://"), Address()]
Name = Annotated[str, Field(min_length=1)]
UserName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._@+-]{1,128}$"), Spelled("a user's name: 1 to 128 of A-Z a-z 0-9 . _ @ + -")
]

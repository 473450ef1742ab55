"""The kinds of values in settings. `kind_of` in agents/configuration/kinds.py describes each kind in words."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.core.text import ID, ID_WORDS, no_text_in

CONVERSATION_CHARS: Final = 200
"""The most characters in the name of a conversation that a client chooses."""
HTTP_ADDRESS: Final = "^https?://."
AGENT_ID: Final = f"^{ID}$"
USER_NAME: Final = r"^[A-Za-z0-9._@+-]{1,128}$"
EACH_OR_USER: Final = r"^(\*|[A-Za-z0-9._@+-]{1,128})$"
EACH_OR_ID: Final = rf"^(\*|{ID})$"
SHA256: Final = "^[0-9a-f]{64}$"
AWS_REGION: Final = "^[a-z]{2,8}(-[a-z0-9]+)+-[0-9]+$"  # as the openai client accepts it
TOOL_NAME: Final = "^[A-Za-z0-9_-]{1,64}$"
SPELLINGS: Final = {
    HTTP_ADDRESS: "an address that begins with http:// or https://",
    AGENT_ID: f"an id: {ID_WORDS}",
    SHA256: "a SHA-256 hash in 64 of 0-9 a-f",
    AWS_REGION: "a region of AWS, such as us-east-1",
    TOOL_NAME: "the name of a tool: 1 to 64 of A-Z a-z 0-9 _ -",
    EACH_OR_USER: "a user's name, or * for each user",
    EACH_OR_ID: f"an id, or * for each: {ID_WORDS}",
    USER_NAME: "a user's name: 1 to 128 of A-Z a-z 0-9 . _ @ + -",
}
"""The words for each pattern."""


@dataclass(frozen=True)
class Unit:
    """The unit of a number. A value in another unit than the documented ms has its unit in its name, too."""

    name: str


@dataclass(frozen=True)
class Spelled:
    """The words for the pattern of a text."""

    words: str


class Address:
    """The mark of text that may contain a password. A file gives such a text by reference."""


class TextOnly(BaseModel):
    """A model that refuses a str that is not text, also in keys; see core/text.py."""

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, data: Any) -> Any:
        if (found := no_text_in(data)) is not None:
            raise InvalidValue(found)
        return data


def _reachable(address: str) -> str:
    """Return the address if it has a host and a valid port. Raises InvalidValue if not."""
    if _NOT_IN_ADDRESSES.search(address):  # urlsplit would remove some, and a request would escape the others
        raise InvalidValue(Fault((), "an address without spaces and control characters"))
    try:
        parts = urlsplit(address)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise InvalidValue(Fault((), "a host, and a port from 1 to 65535 if any"))
    return address


_NOT_IN_ADDRESSES: Final = re.compile(r"[\x00-\x20\x7f]")


MOST: Final = 10**12
"""The highest count, and the longest time in ms, 31 years. The timers of Python and its sockets fail at 292 years."""


def _number(value: Any) -> Any:
    """Raises InvalidValue for a flag and for text: pydantic would read a number in both, and the schema has neither."""
    if isinstance(value, bool | str):
        raise InvalidValue(Fault((), "a number"))  # pydantic reports this one
    return value


NUMBER: Final = BeforeValidator(_number)
Flag = Annotated[bool, Field(strict=True)]
Count = Annotated[int, NUMBER, Field(gt=0, le=MOST)]
CountOrZero = Annotated[int, NUMBER, Field(ge=0, le=MOST)]
Milliseconds = Annotated[int, NUMBER, Field(gt=0, le=MOST), Unit("ms")]
Wait = Annotated[int, NUMBER, Field(ge=0, le=MOST), Unit("ms")]
Seconds = Annotated[float, NUMBER, Field(gt=0, le=MOST / 1000, allow_inf_nan=False), Unit("s")]
Bytes = Annotated[int, NUMBER, Field(gt=0), Unit("bytes")]
Amount = Annotated[float, NUMBER, Field(ge=0, allow_inf_nan=False)]
HttpAddress = Annotated[str, Field(pattern=HTTP_ADDRESS), AfterValidator(_reachable), Address()]
DatabaseAddress = Annotated[str, Field(pattern="^[a-z0-9+]+://"), Address()]
Name = Annotated[str, Field(min_length=1)]
AgentId = Annotated[str, Field(pattern=AGENT_ID), Spelled(SPELLINGS[AGENT_ID])]
UserName = Annotated[str, Field(pattern=USER_NAME), Spelled(SPELLINGS[USER_NAME])]
EachOrUser = Annotated[str, Field(pattern=EACH_OR_USER), Spelled(SPELLINGS[EACH_OR_USER])]
EachOrId = Annotated[str, Field(pattern=EACH_OR_ID), Spelled(SPELLINGS[EACH_OR_ID])]
AwsRegion = Annotated[str, Field(pattern=AWS_REGION), Spelled(SPELLINGS[AWS_REGION])]


class GarbageCollection(StrEnum):
    """The policy for Python's garbage collector. SLICED: short pauses; see node/garbage.py. UNCHANGED: the host's."""

    SLICED = "sliced"
    UNCHANGED = "unchanged"


class LogFormat(StrEnum):
    """The form of log lines: text for people, or JSON."""

    CONSOLE = "console"
    JSON = "json"

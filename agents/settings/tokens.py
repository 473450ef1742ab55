"""The gateway's tokens: the user of each, and its scopes. The administrator's token has its own file."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from agents.core.faults import Fault
from agents.settings.secret import Secret
from agents.settings.values import Name, UserName

LENGTH: Final = 43  # characters that 32 bytes take in base64
TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{LENGTH},512}}")
TOKEN_WORDS: Final = f"{LENGTH} to 512 of A-Z a-z 0-9 _ -"


class Scope(StrEnum):
    """The scopes of a token. ADMIN implies all others, and APPROVE_ALL implies APPROVE.

    READ: see the user's agents and sessions. CHAT: start, ask, steer, cancel and stop the user's agents. APPROVE:
    decide about their calls. APPROVE_ALL: decide about the calls of every user's agents, and see these calls, but
    nothing else of their sessions. METRICS: read the figures of the daemon. ADMIN: control the daemon, and everything
    of every user.
    """

    READ = "read"
    CHAT = "chat"
    APPROVE = "approve"
    APPROVE_ALL = "approve_all"
    METRICS = "metrics"
    ADMIN = "admin"


class TokenSettings(BaseModel):
    """A token. name: a label for people. user: the owner of the agents that it gives access to. token: the secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    user: UserName
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    token: Secret


def token_faults(tokens: Sequence[TokenSettings]) -> Iterator[Fault]:
    """Yield the faults of tokens of a valid form, without their secrets. The path of a fault begins in the tokens."""
    for number, each in enumerate(tokens):
        before = tokens[:number]
        if any(each.name == other.name for other in before):
            yield Fault((number, "name"), "every name once", f"{each.name!a} again")
        if not TOKEN.fullmatch(each.token.get_secret_value()):
            yield Fault((number, "token"), f"a token: {TOKEN_WORDS}", "something else (not shown)")
        elif (same := next((other for other in before if other.token == each.token), None)) is not None:
            yield Fault((number, "token"), "every token once", f"that of {same.name!a} again")

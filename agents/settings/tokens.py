"""Who may come to the gateway beside the one who installed it: tokens, whom each stands for, and what it may do."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from agents.settings.values import Name, UserName

LENGTH: Final = 43  # characters that 32 bytes take in base64
TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{LENGTH},512}}")
TOKEN_WORDS: Final = f"{LENGTH} to 512 of A-Z a-z 0-9 _ -"


class Scope(StrEnum):
    """READ: look at one's own. CHAT: start, ask, steer, cancel and stop one's own. APPROVE: decide about their calls.
    ADMIN: the system itself, and everything of everybody. None but the last implies another."""

    READ = "read"
    CHAT = "chat"
    APPROVE = "approve"
    ADMIN = "admin"


class TokenSettings(BaseModel):
    """name: of the token, for people. user: whose agents are its own. token: the secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    user: UserName
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    token: SecretStr


class TokenFault(NamedTuple):
    """path: within the tokens."""

    path: tuple[int, str]
    expected: str
    got: str


def token_faults(tokens: Sequence[TokenSettings]) -> Iterator[TokenFault]:
    """What is wrong with tokens that have the right form. A secret is not told."""
    for number, each in enumerate(tokens):
        before = tokens[:number]
        if any(each.name == other.name for other in before):
            yield TokenFault((number, "name"), "every name once", f"{each.name!a} again")
        if not TOKEN.fullmatch(each.token.get_secret_value()):
            yield TokenFault((number, "token"), f"a token: {TOKEN_WORDS}", "something else (not shown)")
        elif (same := next((other for other in before if other.token == each.token), None)) is not None:
            yield TokenFault((number, "token"), "every token once", f"that of {same.name!a} again")

"""The settings of a webhook: an address that gets a message when a turn needs a person, or has ended."""

from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from agents.core.faults import Fault, InvalidValue
from agents.settings.kept_sessions import Durability
from agents.settings.secret import Secret
from agents.settings.values import AgentId, Flag, HttpAddress

PREFIX: Final = "whsec_"
LEAST_BYTES: Final = 24
MOST_BYTES: Final = 64
SECRET_WORDS: Final = f"whsec_ and {LEAST_BYTES} to {MOST_BYTES} bytes in base64"


class WebhookEvent(StrEnum):
    """APPROVAL, QUESTION: a call waits for a person. COMPLETE, FAILED: a turn has ended; a cancelled one has failed."""

    APPROVAL = "approval"
    QUESTION = "question"
    COMPLETE = "complete"
    FAILED = "failed"


class WebhookSettings(BaseModel):
    """A webhook by the specification Standard Webhooks.

    url: gets each message by POST. secret: signs the messages. events: those that it gets. agents: the ids or names of
    those whose turns count; none: all. arguments: whether a message of an approval has the arguments of the call.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: HttpAddress
    secret: Secret
    events: Annotated[tuple[WebhookEvent, ...], Field(min_length=1)] = tuple(WebhookEvent)
    agents: tuple[AgentId, ...] = ()
    arguments: Flag = False

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if not LEAST_BYTES <= len(key_of(self.secret)) <= MOST_BYTES:
            raise InvalidValue(Fault(("secret",), SECRET_WORDS, "something else (not shown)"))
        return self


def key_of(secret: SecretStr) -> bytes:
    """Return the bytes of a webhook's secret; none for a faulty one."""
    text = secret.get_secret_value()
    try:
        return b64decode(text.removeprefix(PREFIX), validate=True) if text.startswith(PREFIX) else b""
    except Error:
        return b""


def unkept(webhooks: Sequence[WebhookSettings], durability: Durability) -> Iterator[Fault]:
    """Yield the fault of webhooks without a store, which keeps their messages."""
    if webhooks and durability is Durability.OFF:
        yield Fault(("webhooks",), "none while sessions.durability is off: sync or batched", str(len(webhooks)))

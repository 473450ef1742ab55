"""The shapes of the ledger of effects in the gateway's answers."""

from typing import Literal, TypeAlias

from msgspec import Struct

from agents.contract.sessions import Time

State: TypeAlias = Literal["intended", "begun", "done", "failed", "unknown"]


class EffectInfo(Struct, frozen=True, kw_only=True):
    """A call of a tool that is not idempotent.

    key: its idempotency key. arguments: SHA-256 of them. node: the name of the node that wrote the state last, in a
    cluster. attempt: 0 if the call never began. error: of its result. settled_at, settled_by, note: of the person who
    settled the call.
    """

    key: str
    session_id: str
    stream_id: str
    call_id: str
    tool: str
    arguments: str
    owner: str | None
    node: str | None
    state: State
    attempt: int
    error: str | None
    intended_at: Time
    begun_at: Time | None = None
    ended_at: Time | None = None
    settled_at: Time | None = None
    settled_by: str | None = None
    note: str | None = None


class EffectPage(Struct, frozen=True):
    """A page of effects, the newest first."""

    effects: list[EffectInfo]


class EffectSettled(Struct, frozen=True):
    """A settled effect. continued: whether its turn waited for that, and goes on."""

    effect: EffectInfo
    continued: bool

"""The records beside those of streams: charges, waits for people, effects, and messages of webhooks."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from agents.core.charge import Charge, Payer
from agents.core.ledger import EffectState, LedgerEntry
from agents.core.outcome import Outcome
from agents.core.waiting import Ruling, Waiting


class Charged(Struct, frozen=True):
    """A charge that a journal records. number: 1, 2, 3 ... of the journal's."""

    number: int
    payer: Payer
    charge: Charge
    at: datetime

    @property
    def session_id(self) -> str:
        return self.payer.session_id


class Allowance(Struct, frozen=True):
    """An amount that a person adds to a budget. number: as in Charged. count: the name of what the budget limits.

    unit: tokens or cost.
    """

    number: int
    session_id: str
    count: str
    unit: str
    amount: float
    at: datetime


class WaitBegun(Struct, frozen=True):
    """Something begins to wait for a person, or is asked about again after a restart."""

    stream_id: str
    waiting: Waiting


class WaitDecided(Struct, frozen=True):
    """A person has decided. number: the index of the call. The turn has not acted on the ruling."""

    stream_id: str
    number: int
    ruling: Ruling


class WaitOver(Struct, frozen=True):
    """The turn has acted on the ruling, or has ended."""

    stream_id: str
    number: int


WaitChange: TypeAlias = WaitBegun | WaitDecided | WaitOver


class EffectNoted(Struct, frozen=True):
    """A new state of a call, for the ledger of effects."""

    entry: LedgerEntry
    session_id: str
    stream_id: str
    owner: str | None
    at: datetime


class Delivery(Struct, frozen=True):
    """A message of a webhook. id: the same if the event that it is about happens again. endpoint: its receiver."""

    id: str
    endpoint: str
    body: bytes
    at: datetime


class EffectRecord(Struct, frozen=True):
    """A call in the ledger of effects. arguments, node, outcome, settled_at, settled_by, note: as in the table."""

    key: str
    session_id: str
    stream_id: str
    call_id: str
    tool: str
    arguments: str
    owner: str | None
    node: str | None
    state: EffectState
    attempt: int
    error: str | None
    intended_at: datetime
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    note: str | None = None

    @property
    def entry(self) -> LedgerEntry:
        return LedgerEntry(self.key, self.call_id, self.tool, self.arguments, self.state, self.attempt, self.error)

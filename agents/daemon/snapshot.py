"""The system as numbers, read in slices. Nothing of it is counted while nobody looks."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from actors import CallFailed, SystemInfo, system_info
from actors.observer import sliced_top
from actors.slices import in_slices
from agents.instance.turns import STREAM_SUPERVISOR
from agents.llm.breaker import Breaker, Closed, HalfOpen
from agents.llm.provider import breakers
from agents.sessions import JournalHandle, StoreUnavailable, open_journal
from agents.sessions.group_commit import Behind
from supervisors.agent_supervisor import AGENT_SUPERVISOR
from supervisors.api import count_children
from supervisors.tree import restarts

if TYPE_CHECKING:
    from agents.sessions import Store

PROBE_S: Final = 0.01
LONGEST: Final = 10


class Seen(Struct, frozen=True):
    """restarts: of children that a supervisor names, by supervisor and child. mailboxes: the fullest, by process.
    breakers: how many providers have theirs in which state. kept: sessions; None: none are kept, or the store can't be
    read. journal: how far the disk is behind; None: there is no journal. loop_lag_s: how late a timer was."""

    system: SystemInfo
    agents: int
    turns: int
    restarts: dict[tuple[str, str], int]
    mailboxes: dict[str, int]
    breakers: dict[tuple[str, str], int]
    kept: int | None
    journal: Behind | None
    loop_lag_s: float


async def seen() -> Seen:
    journal = await _journal()
    return Seen(
        system=system_info(),
        agents=(await count_children(AGENT_SUPERVISOR)).active,
        turns=(await count_children(STREAM_SUPERVISOR)).active,
        restarts=await in_slices(restarts()),
        mailboxes=await _mailboxes(),
        breakers=await _breakers(),
        kept=None if journal is None else await _count(journal.store),
        journal=None if journal is None else journal.behind,
        loop_lag_s=await _loop_lag_s(),
    )


async def _mailboxes() -> dict[str, int]:
    found: Counter[str] = Counter()
    for info in await in_slices(sliced_top("mailbox", LONGEST)):
        found[info.names[0] if info.names else info.label] += info.mailbox
    return dict(found)


async def _breakers() -> dict[tuple[str, str], int]:
    return Counter((address, _state(breaker)) for address, breaker in await breakers())


def _state(breaker: Breaker) -> str:
    match breaker:
        case Closed():
            return "closed"
        case HalfOpen():
            return "half_open"
    return "open"


async def _journal() -> JournalHandle | None:
    try:
        return await open_journal()
    except CallFailed:
        return None  # it is being restarted


async def _count(store: "Store") -> int | None:
    """Counted each time: it takes the store a millisecond for 10,000."""
    try:
        return await store.count()
    except StoreUnavailable:
        return None


async def _loop_lag_s() -> float:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await asyncio.sleep(PROBE_S)
    return max(0.0, loop.time() - began_s - PROBE_S)

"""The process that starts the agents of parked turns at their deadlines, one for all turns of a program.

It also starts the agents of turns whose budget a person has raised by a decision about another turn. A program that is
killed right after such a decision starts none of them. So the first look finds the turns whose budget was raised after
they asked.

In a cluster each node has one. The first node that starts an agent owns its session, so one node decides. A turn that
another node goes on with has its subscribers here followed there.
"""

import asyncio
from math import inf
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from actors import CallFailed, Pid, StartFailed, Task, call, send, whereis
from actors.clock import unix_s
from actors.log import get_logger
from agents.agent_config import InvalidAgentConfig
from agents.agent_registry import find_agent, stands_in
from agents.budgets.raised import PARKED_TURNS, BudgetRaised
from agents.core.budget_question import question_of
from agents.core.errors import HandlerCrashed
from agents.core.events import StreamError
from agents.instance.by_id import present
from agents.instance.followers import Followers, follow_parked, followed_ids, take_followers
from agents.instance.requests import Follow, Subscribe
from agents.instance.waking import wake
from agents.sessions import JournalHandle, SessionError, open_journal

if TYPE_CHECKING:
    from agents.sessions.store import Store
    from agents.sessions.waits import ParkedWait, Place

LOOK_S: Final = 10.0
"""The longest pause between two looks at the store. Another node may have parked a turn with an earlier deadline."""

AT_ONCE: Final = 20
"""The agents that are started side by side."""

AGAIN_S: Final = 60.0
"""The pause after which an agent that has not started is started again."""

STARTED_S: Final = 2.0
"""The same for an agent that has started. Its turn may wait again, for the next question of a call, whose deadline is
soon."""

log = get_logger("understudy.agents")


class LookAgain(Struct, frozen=True):
    """Look at the store again: a turn was parked here."""


class Wake(Struct, frozen=True):
    """Start this agent, whose turn could not be parked."""

    agent_id: str


def tell(message: LookAgain | Wake) -> None:
    """Send the process of parked turns a message, unless it is being restarted."""
    if (clock := whereis(PARKED_TURNS)) is not None:
        send(clock, message)


class ParkedTurns(Task):
    """The clock of all parked turns."""

    def __init__(self) -> None:
        self._tried: dict[str, float] = {}  # the agents that were started, each with the moment of the next try
        self._raised: set[str] = set()  # the counts of the raised budgets whose turns are not started yet
        self._began = False  # whether the first look is over

    async def run(self) -> None:
        pause_s = 0.0
        while True:
            try:
                message = await self.receive(pause_s)
            except TimeoutError:
                pause_s = await self._looked()
            else:
                pause_s = 0.0
                match message:
                    case Wake(agent_id):
                        await self._start(agent_id)
                    case BudgetRaised(count):
                        self._raised.add(count)

    async def _looked(self) -> float:
        """Start the agents whose turns can go on. Return the time until the next look."""
        try:
            journal = await open_journal()
            if journal is None:
                self._raised.clear()
                return LOOK_S
            await self._start_overdue(journal)
            if journal.store.node is not None:  # without a cluster, agents take their subscribers themselves
                await _follow_on(journal.store)
            following = await journal.store.next_deadline(now := unix_s())
            await self._start_raised(journal)
            soon = (each for each in (following, *self._tried.values()) if each is not None and each > now)
            return min(LOOK_S, max(0.0, min(soon, default=inf) - unix_s()))
        except (CallFailed, SessionError) as failed:
            log.warning("parked_turns_not_read", reason=str(failed))
            return LOOK_S

    async def _start_overdue(self, journal: JournalHandle) -> None:
        node = journal.store.node
        while node is None or not node.draining:
            now = unix_s()
            self._tried = {id_: again for id_, again in self._tried.items() if again > now}
            found = await journal.store.overdue(now, AT_ONCE + len(self._tried))
            chosen = [id_ for id_ in found if id_ not in self._tried and find_agent(id_) is None][:AT_ONCE]
            if not chosen:
                return
            await asyncio.gather(*map(self._start, chosen))

    async def _start_raised(self, journal: JournalHandle) -> None:
        """Start the agents whose turns wait for a raised budget: it may have room for them now."""
        if self._began and not self._raised:
            return
        from agents.sessions.charges import raised_at  # it loads SQLAlchemy, which a program without a store lacks

        await journal.durable()  # the amounts
        place: Place | None = None
        while page := await journal.store.parked_waits(place, AT_ONCE, None, "budget"):
            last = page[-1].wait.waiting
            place = last.deadline, page[-1].stream_id, last.call.index
            counts = [_count_of(each) for each in page]
            raised = {} if self._began else await raised_at(journal.store, counts)
            chosen = [
                each.session_id
                for each, count in zip(page, counts, strict=True)
                if count in self._raised or raised.get(count, 0.0) > each.wait.waiting.asked_at
            ]
            await asyncio.gather(*map(_woken, chosen))
        self._raised, self._began = set(), True

    async def _start(self, agent_id: str) -> None:
        self._tried[agent_id] = unix_s() + (STARTED_S if await _woken(agent_id) else AGAIN_S)


async def _woken(agent_id: str) -> bool:
    """Start the agent. Return whether it has started."""
    try:
        return await wake(agent_id) is not None
    except (CallFailed, InvalidAgentConfig, SessionError, StartFailed) as failed:
        log.warning("parked_turn_not_continued", agent_id=agent_id, reason=str(failed))
        return False


def _count_of(parked: "ParkedWait") -> str:
    """Return the name of the count of a budget for which a turn waits; "" if its row is damaged."""
    try:
        return question_of(parked.wait.waiting.call).count
    except ValueError:
        return ""


async def _follow_on(store: "Store") -> None:
    """Follow the turns that go on elsewhere, or have ended, for the subscribers that they had here.

    An agent of this node takes its subscribers itself, as it starts.
    """
    if not (ids := followed_ids()):
        return
    parked = await store.parked(ids)
    for agent_id in ids:
        if agent_id in parked or _is_here(agent_id) or (left := take_followers(agent_id)) is None:
            continue
        try:
            await _follow(agent_id, left, store)
        except CallFailed:  # it was parked again
            for subscriber in left.subscribers:
                follow_parked(agent_id, None, subscriber, 0, all_streams=True)
            for stream_id, subscriber, seq in _places(left):
                follow_parked(agent_id, stream_id, subscriber, seq)


def _is_here(agent_id: str) -> bool:
    pid = find_agent(agent_id)
    return pid is not None and not stands_in(pid)


def _places(left: Followers) -> list[tuple[str, Pid, int]]:
    return [(id_, pid, seq) for id_, places in left.places.items() for pid, seq in places.items()]


async def _follow(agent_id: str, left: Followers, store: "Store") -> None:
    """Follow the agent's streams at its node. Raises CallFailed."""
    try:
        pid: Pid | None = await present(agent_id, wakes=True)
    except (CallFailed, InvalidAgentConfig, SessionError, StartFailed):
        pid = None
    for stream_id, subscriber, seq in _places(left):
        if pid is None or not await call(pid, Follow(stream_id, subscriber, seq), timeout_s=None):
            await _send_stored(stream_id, subscriber, seq, store)
    for subscriber in left.subscribers if pid is not None else ():
        send(pid or agent_id, Subscribe(subscriber))


async def _send_stored(stream_id: str, subscriber: Pid, seq: int, store: "Store") -> None:
    """Send the rest of a stream that has ended and that no agent has any more."""
    events = await store.events(stream_id, seq)
    lost = StreamError(HandlerCrashed("its agent ended"), stream_id=stream_id, seq=seq + 1, at=unix_s())
    for event in events or [lost]:
        send(subscriber, event)

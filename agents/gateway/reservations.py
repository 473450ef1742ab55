"""Message ids that are reserved before their streams begin. A reservation is for one user and expires.

A reservation also stays when its stream begins. So no other user can get the id before the stream is registered.

In a cluster each node has all reservations that were made while it lived. A node first reserves an id itself, and then
asks all others. So of two nodes that reserve an id at the same time, at most one succeeds, and perhaps none.
"""

from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Final

from agents.cluster.node_requests import AskAccess
from agents.gateway.errors import Refusal
from agents.gateway.guard.access import ANSWERS, QUESTIONS, Reserve, Reserved, Unreserve
from agents.instance.elsewhere import other_nodes

RESERVED_S: Final = 600.0
MOST: Final = 1000  # per user
REFUSED: Final = ANSWERS.packed(Reserved(False))


class Reservations:
    """The reservations of all users, in memory. A restart of the daemon forgets them.

    user: None for the install's token. node: the epoch of the node that reserved the id; None: this one. now_s: the
    clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._held: dict[str, tuple[str | None, float, int | None]] = {}  # id -> (user, end, node), the oldest first
        self._counts: Counter[str | None] = Counter()

    def reserve(self, id_: str, user: str | None) -> None:
        """Reserve an id. Raises Refusal if the id is reserved, or if the user has MOST reservations."""
        now_s = self._now_s()
        self._end(now_s)
        if id_ in self._held:
            raise _reserved()
        if self._counts[user] >= MOST:
            first_end_s = next(end_s for holder, end_s, _ in self._held.values() if holder == user)
            words = f"expected at most {MOST} reserved message ids of one user: retry when one has expired"
            raise Refusal(429, words, retry_after_s=ceil(first_end_s - now_s))
        self._add(id_, user, None)

    def hold(self, id_: str, user: str | None, node: int) -> bool:
        """Reserve an id for a user of another node. Return False if it is reserved already."""
        self._end(self._now_s())
        if id_ in self._held:
            return False
        self._add(id_, user, node)
        return True

    def drop(self, id_: str, node: int | None = None) -> None:
        """End the reservation of an id, if that node made it."""
        if id_ in self._held and self._held[id_][2] == node:
            self._remove(id_)

    def check(self, id_: str, user: str | None) -> None:
        """Raise Refusal if the id is reserved for another user."""
        self._end(self._now_s())
        if id_ in self._held and self._held[id_][0] != user:
            raise Refusal(409, "expected an unused stream_id, got one that is reserved", "conflict")

    def _end(self, now_s: float) -> None:
        """Forget the expired reservations."""
        while self._held:
            id_, (_, end_s, _) = next(iter(self._held.items()))
            if end_s > now_s:
                return
            self._remove(id_)

    def _add(self, id_: str, user: str | None, node: int | None) -> None:
        self._held[id_] = user, self._now_s() + RESERVED_S, node
        self._counts[user] += 1

    def _remove(self, id_: str) -> None:
        user, _, _ = self._held.pop(id_)
        self._counts[user] -= 1
        if not self._counts[user]:
            del self._counts[user]


async def reserve_everywhere(reservations: Reservations, id_: str, user: str | None) -> None:
    """Reserve an id on all nodes. Raises Refusal, as `reserve` does."""
    reservations.reserve(id_, user)
    if (nodes := await other_nodes()) is None:
        return
    answers = await nodes.ask_all(AskAccess(QUESTIONS.packed(Reserve(id_, user, nodes.epoch))))
    if REFUSED in answers:
        reservations.drop(id_)
        await nodes.ask_all(AskAccess(QUESTIONS.packed(Unreserve(id_, nodes.epoch))))
        raise _reserved()


def _reserved() -> Refusal:
    return Refusal(409, "expected an unused message id, got one that is reserved", "conflict")

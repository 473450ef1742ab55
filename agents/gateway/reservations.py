"""Message ids that are reserved before their streams begin. A reservation is for one user and expires.

A reservation also stays when its stream begins. So no other user can get the id before the stream is registered.
"""

from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Final

from agents.gateway.errors import Refusal

RESERVED_S: Final = 600.0
MOST: Final = 1000  # per user


class Reservations:
    """The reservations of all users, in memory. A restart of the daemon forgets them.

    user: None for the install's token. now_s: the clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._held: dict[str, tuple[str | None, float]] = {}  # id -> (user, end), the oldest first
        self._counts: Counter[str | None] = Counter()

    def reserve(self, id_: str, user: str | None) -> None:
        """Reserve an id. Raises Refusal if the id is reserved, or if the user has MOST reservations."""
        now_s = self._now_s()
        self._end(now_s)
        if id_ in self._held:
            raise Refusal(409, "expected an unused message id, got one that is reserved", "conflict")
        if self._counts[user] >= MOST:
            first_end_s = next(end_s for holder, end_s in self._held.values() if holder == user)
            words = f"expected at most {MOST} reserved message ids of one user: retry when one has expired"
            raise Refusal(429, words, retry_after_s=ceil(first_end_s - now_s))
        self._held[id_] = user, now_s + RESERVED_S
        self._counts[user] += 1

    def check(self, id_: str, user: str | None) -> None:
        """Raise Refusal if the id is reserved for another user."""
        self._end(self._now_s())
        if id_ in self._held and self._held[id_][0] != user:
            raise Refusal(409, "expected an unused stream_id, got one that is reserved", "conflict")

    def _end(self, now_s: float) -> None:
        """Forget the expired reservations."""
        while self._held:
            id_, (user, end_s) = next(iter(self._held.items()))
            if end_s > now_s:
                return
            del self._held[id_]
            self._counts[user] -= 1
            if not self._counts[user]:
                del self._counts[user]

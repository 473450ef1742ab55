"""Tickets: random secrets that stand for a caller for a short time, at one path only.

A ticket can be in an address, since it is worth nothing soon after. It is found by its hash, so the duration of a
look-up reveals nothing about it. Its caller stays that of its token: a revoked token revokes its tickets.
"""

import secrets
from collections.abc import Awaitable, Callable, Iterator
from math import ceil
from typing import Final, TypeAlias

from msgspec import Struct

from agents.gateway.errors import Refusal
from agents.gateway.guard.access import key_of
from agents.gateway.guard.caller import Caller
from agents.gateway.guard.origin import Origin
from agents.gateway.guard.place import Place

Seal: TypeAlias = Callable[[str], str]
"""Adds the name of this node to a new secret."""
End: TypeAlias = Callable[[], Awaitable[None]]
"""Ends a ticket."""

REMEMBERED: Final = 1000
"""Tickets that are over and are still known, so that their refusal has its reason."""


class Ticket(Struct, eq=False):
    """A ticket. path: where it is accepted. origin: of the page that may use it; None: that of its first use.

    once: whether its first use is its last.
    """

    caller: Caller
    path: str
    origin: Origin | None
    end_s: float
    once: bool
    used: bool = False

    async def end(self) -> None:
        self.used = True

    def over(self, now_s: float) -> bool:
        return self.used or self.caller.revoked or now_s >= self.end_s


class Unknown(Exception):
    """The text is not a ticket, or one that has been forgotten."""


class Tickets:
    """The tickets of all callers, in memory. A restart of the daemon forgets them.

    noun: the name of a ticket in a refusal. most: live tickets of one user at a time. now_s: the clock.
    """

    def __init__(self, noun: str, most: int, now_s: Callable[[], float]) -> None:
        self.noun, self._most, self._now_s = noun, most, now_s
        self._tickets: dict[bytes, Ticket] = {}  # by the hash of the secret, the oldest first

    def issue(
        self,
        caller: Caller,
        path: str,
        life_s: float,
        *,
        origin: Origin | None = None,
        once: bool = True,
        seal: Seal = str,
    ) -> str:
        """Return a new ticket. Raises Refusal if the caller's user has `most` live tickets."""
        now_s = self._now_s()
        self._forget(now_s)
        ends_s = [ticket.end_s for ticket in self._live_of(caller.user, now_s)]
        if len(ends_s) >= self._most:
            words = f"expected at most {self._most} {self.noun}s of one user at a time: retry when one has expired"
            raise Refusal(429, words, retry_after_s=ceil(min(ends_s) - now_s))
        secret = seal(secrets.token_urlsafe(32))
        self._tickets[key_of(secret)] = Ticket(caller, path, origin, now_s + life_s, once)
        return secret

    def use(self, secret: str, path: str, place: Place) -> Ticket:
        """Return the ticket, which this use may end. Raises Unknown, and Refusal with the reason.

        place: of the request. An attempt from another origin leaves the ticket as it was.
        """
        return self.use_by_key(key_of(secret), path, place)

    def use_by_key(self, key: bytes, path: str, place: Place) -> Ticket:
        """Return the ticket of a secret with this hash, as `use`."""
        ticket = self._tickets.get(key)
        if ticket is None:
            raise Unknown
        if (fault := self._fault(ticket, path, place)) is not None:
            raise Refusal(401, fault)
        ticket.origin, ticket.used = ticket.origin or place.page, ticket.once
        return ticket

    async def confirmed(self, ticket: Ticket) -> Caller:
        """Return the caller of a used ticket. Raises Refusal if another node has revoked the caller."""
        await ticket.caller.confirm()
        if ticket.caller.revoked:
            raise Refusal(401, self._revoked())
        return ticket.caller

    async def end(self, key: bytes) -> None:
        """End the ticket of a secret with this hash, if it is known."""
        if (ticket := self._tickets.get(key)) is not None:
            await ticket.end()

    def _fault(self, ticket: Ticket, path: str, place: Place) -> str | None:
        if ticket.caller.revoked:
            return self._revoked()
        if ticket.used:
            return f"this {self.noun} was used: request a new one"
        if self._now_s() >= ticket.end_s:
            return f"this {self.noun} has expired: request a new one"
        if ticket.path != path:
            return f"expected a {self.noun} for this path, got one for {ticket.path}"
        if ticket.origin is not None and not place.is_of(ticket.origin):
            return f"expected a {self.noun} of this page, got one of another origin"
        return None

    def _revoked(self) -> str:
        return f"the token of this {self.noun} was revoked: use another token"

    def _live_of(self, user: str | None, now_s: float) -> Iterator[Ticket]:
        return (each for each in self._tickets.values() if each.caller.user == user and not each.over(now_s))

    def _forget(self, now_s: float) -> None:
        """Forget the oldest tickets that are over, except REMEMBERED."""
        over = [key for key, ticket in self._tickets.items() if ticket.over(now_s)]
        for key in over[: max(0, len(over) - REMEMBERED)]:
            del self._tickets[key]

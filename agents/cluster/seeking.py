"""The search for the node that owns a session, until there is a link to that node."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from msgspec import Struct

from actors import CallFailed, Pid, call, send
from agents.cluster.link.address import PeerNode
from agents.cluster.link.link import Link
from agents.cluster.links import LinkTo
from agents.instance.elsewhere import FarFault

OwnerOf: TypeAlias = Callable[[str], Awaitable[PeerNode | None]]
"""Return the node that owns a session now, or None if none is known. A free session is claimed by this node.

Raises NoOwner.
"""

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0


class Found(Struct, frozen=True):
    """To a stand-in. link: to the owner of its session; None: no owner was found in time.

    fault: the reason why there will be no owner.
    """

    link: Link | None
    fault: FarFault | None = None


class NoOwner(Exception):
    """No node will own the session: it does not exist, or its agent can't be started."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.fault = FarFault(kind, text)


async def seek(
    stand_in: Pid,
    session: str,
    links: Pid,
    owner_of: OwnerOf,
    wait_s: float,
    pause_s: float,
    known: PeerNode | None = None,
) -> None:
    """Look for the owner again and again, and send Found. pause_s: before the first look. known: tried first."""
    try:
        async with asyncio.timeout(wait_s):
            await asyncio.sleep(pause_s)
            link = None if known is None else await _link_to(links, known)
            link = link or await _link(session, links, owner_of)
            pause_s = FIRST_PAUSE_S
            while link is None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                link = await _link(session, links, owner_of)
    except TimeoutError:
        link = None
    except NoOwner as none:
        return send(stand_in, Found(None, none.fault))
    return send(stand_in, Found(link))


async def _link(session: str, links: Pid, owner_of: OwnerOf) -> Link | None:
    owner = await owner_of(session)
    return None if owner is None else await _link_to(links, owner)


async def _link_to(links: Pid, owner: PeerNode) -> Link | None:
    try:
        link = await call(links, LinkTo(owner), None)
    except CallFailed:
        return None
    return link if isinstance(link, Link) and not link.ended else None

"""Ids in commands: the beginning of an id is enough, if only one id begins with it.

The id is tried as it is given. Only if it does not exist, the command looks for ids that begin with it, and prints the
one that it found on stderr.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, TypeAlias, TypeVar

from agents.cli.printing import complain
from agents.cli.view.printable import one_line
from agents.client import Client, ClientError, Refused
from agents.client.paths import path
from agents.core.nearest import suggestion

T = TypeVar("T")
Ids: TypeAlias = AsyncIterator[str]

PAGE: Final = 1000
SHOWN: Final = 10  # candidates


class AmbiguousId(ClientError):
    """Several ids begin with the given text."""

    def __init__(self, given: str, found: Iterable[str]) -> None:
        ids = sorted(found)
        more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
        super().__init__(f"expected the beginning of one id, got {given!r}, which fits {', '.join(ids[:SHOWN])}{more}")


async def by_id(given: str, ids: Ids, request: Callable[[str], Awaitable[T]]) -> T:
    """Return the request's answer for the id, or for the only id that begins with it. Raises AmbiguousId.

    A daemon answers 404 for an unknown id, and a store raises UnknownSession, which is a LookupError. The error then
    names the most similar id.
    """
    try:
        return await request(given)
    except (Refused, LookupError) as unknown:
        if isinstance(unknown, Refused) and unknown.status != HTTPStatus.NOT_FOUND:
            raise
        known = {id_ async for id_ in ids}
        whole = _whole(given, known)
        if whole == given:
            unknown.args = (f"{unknown}{suggestion(given, known)}",)
            raise
    return await request(whole)


async def known_id(given: str, ids: Ids, unknown: Refused) -> str:
    """Return the only id that begins with the text, or the text. Raises AmbiguousId.

    unknown: the refusal of the text as an id. It is raised with the most similar id if there is one.
    """
    known = {id_ async for id_ in ids}
    whole = _whole(given, known)
    if whole not in known and (similar := suggestion(given, known)):
        raise Refused(unknown.status, unknown.kind, f"{unknown}{similar}")
    return whole


async def whole_id(given: str, ids: Ids) -> str:
    """Return the only id that begins with the text, or the text if none does. Raises AmbiguousId."""
    return _whole(given, {id_ async for id_ in ids})


def _whole(given: str, known: Collection[str]) -> str:
    found = {id_ for id_ in known if id_.startswith(given)} if given else set()
    if given in found or not found:
        return given
    if len(found) > 1:
        raise AmbiguousId(given, found)
    (whole,) = found
    complain(f"understudy: {one_line(given)} is taken as {one_line(whole)}")
    return whole


async def agents(client: Client) -> Ids:
    """Yield the ids of the running agents."""
    async for agent in pages(client, "/agents", "agents"):
        yield agent["id"]


async def agents_and_sessions(client: Client) -> Ids:
    """Yield the ids of agents that run, are configured, or sleep: a message reaches each of them."""
    async for agent in pages(client, "/agents", "agents", usable="true"):
        yield agent["id"]
    async for session in pages(client, "/sessions", "sessions"):
        yield session["id"]


async def note_unknown(client: Client, *given: str) -> None:
    """Print a line on stderr for each id that no agent has now, and that one may have later."""
    with suppress(Refused):  # the token may not list them
        known = {id_ async for id_ in agents_and_sessions(client)}
        for id_ in sorted({*given} - known):
            complain(f"understudy: no agent has the id {id_!r} now{suggestion(id_, known)}")


async def sessions(client: Client) -> Ids:
    async for session in pages(client, "/sessions", "sessions"):
        yield session["id"]


async def crashed_agents(client: Client) -> Ids:
    """Yield the ids of the agents that have crashed, and of those that run."""
    for agent in (await client.get("/restarts"))["agents"]:
        yield agent["id"]
    async for id_ in agents(client):
        yield id_


async def streams(client: Client) -> Ids:
    """Yield the ids of the streams of the running agents."""
    async for id_ in agents(client):
        with suppress(Refused):  # the agent ended meanwhile
            for stream in (await client.get(path("agents", id_)))["streams"]:
                yield stream["id"]


async def nodes(client: Client) -> Ids:
    for node in (await client.get("/cluster"))["nodes"]:
        yield node["name"]


async def standing_approvals(client: Client) -> Ids:
    """Yield the ids of the approvals that hold for later calls, too."""
    for approval in (await client.get("/approvals/always"))["approvals"]:
        yield approval["id"]


async def schedules(client: Client) -> Ids:
    """Yield the names of the schedules."""
    async for schedule in pages(client, "/schedules", "schedules", place="name"):
        yield schedule["name"]


async def pages(client: Client, where: str, key: str, *, place: str = "id", **query: str) -> AsyncIterator[Any]:
    """Yield the items of a list of the gateway, in its order.

    place: the field that names an item, after which the next page begins.
    """
    after: dict[str, str] = {}
    while page := (await client.get(where, limit=PAGE, **query, **after))[key]:
        for item in page:
            yield item
        if len(page) < PAGE:
            return
        after = {"after": page[-1][place]}

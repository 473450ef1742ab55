"""The agents to which a conversation may be handed over: those of `handoffs`, and those of their own, by name."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from agents.core.faults import Fault, KeyPath
from agents.core.hand_off import PREFIX, transferred
from agents.core.nearest import suggestion
from agents.settings.agent import AgentSettings
from agents.tools.call_supervisor import worker_of_call
from agents.tools.errors import InvalidTool, ServerRaised
from agents.tools.tool import Tool, tool

INVALID: Final = re.compile(r"[^a-zA-Z0-9_-]")
MAX_NAME: Final = 64 - len(PREFIX)
A_MEMBER: Final = "the name of an agent, or a configuration with a name"


class Member(Struct, frozen=True):
    """An agent that may speak. given: its configuration. handoffs: the names of the agents to which it hands over."""

    name: str
    given: Mapping[str, Any]
    path: KeyPath
    handoffs: tuple[str, ...] = ()


def members_of(id_: str, root: Mapping[str, Any], known: Sequence[AgentSettings]) -> dict[str, Member]:
    """Return the agents that may speak by their names. The first one is the agent itself. Raises InvalidTool.

    root: its configuration. known: the agents of the settings.
    """
    by_name = {_named(each.id): each.given() for each in known} | dict(_inline(root)) | {_named(id_): root}
    members: dict[str, Member] = {}
    waiting: list[tuple[str, KeyPath]] = [(_named(id_), ())]
    while waiting:
        name, path = waiting.pop(0)
        if name not in members:
            below = [*_below(by_name[name], by_name, path)]
            members[name] = Member(name, by_name[name], path, tuple(dict.fromkeys(each for each, _ in below)))
            waiting += below
    return members


def _inline(given: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the configurations within one, by their names."""
    for each in given.get("handoffs") or ():
        if isinstance(each, Mapping):
            yield _named(str(each.get("name", ""))), each
            yield from _inline(each)


def _below(given: Mapping[str, Any], known: Collection[str], path: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    """Yield the names of the agents to which one may hand over, each with its path. Raises InvalidTool."""
    for place, each in enumerate(given.get("handoffs") or ()):
        name = _named(str(each.get("name", "")) if isinstance(each, Mapping) else str(each))
        if not name or name not in known:
            got = "one without a name" if isinstance(each, Mapping) else f"{each!r}{suggestion(str(each), known)}"
            expected = f"{A_MEMBER} ({', '.join(known)})"
            raise InvalidTool(Fault((*path, "handoffs", place), expected, got))
        yield name, (*path, "handoffs", place)


def transfers(member: Member, members: Mapping[str, Member], limit: int) -> dict[str, Tool]:
    """Return the tools with which an agent hands over. limit: the number of hand-offs of a turn."""
    made = (_transfer(members[name], limit) for name in member.handoffs)
    return {each.name: each for each in made}


def _transfer(to: Member, limit: int) -> Tool:
    async def transfer() -> str:
        turn = worker_of_call().job.turn
        calls = () if turn is None else turn.past.calls
        if sum(call.name.startswith(PREFIX) for call in calls) > limit:
            raise ServerRaised(f"this turn has {limit} hand-offs, which is sub_agents.max_handoffs: answer it yourself")
        return transferred(to.name)

    text = f"Hand the conversation over to {to.name}. {to.given.get('description', '')}".strip()
    return tool(name=f"{PREFIX}{to.name}", description=text, isolation="task", idempotent=True)(transfer)


def _named(text: str) -> str:
    return INVALID.sub("_", text)[:MAX_NAME]

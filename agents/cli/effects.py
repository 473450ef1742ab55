"""`understudy effects`: the calls of tools that are not idempotent, and a person's decisions on their outcomes."""

import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

import click
import msgspec

from agents.cli.group import Group
from agents.cli.listing import NOTHING, json_option, say_list, time_of
from agents.cli.moment import AGES, Moment
from agents.cli.printing import say
from agents.cli.remote.ids import by_id
from agents.cli.sessions.ids import complete_session, completed
from agents.cli.sessions.place import Sessions, carry_out, place_options
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column
from agents.client import Client
from agents.client.paths import path
from agents.contract.effects import EffectInfo, EffectPage, EffectSettled
from agents.rehearsal.whole_number import WholeNumber

PAGE: Final = 1000
UNSETTLED: Final = ("unknown", "begun")
COLUMNS: Final = (
    Column("KEY"),
    Column("INTENDED", rank=3),
    Column("STATE"),
    Column("ATTEMPTS", right=True, rank=4),
    Column("SESSION", least=8),
    Column("TOOL", least=8),
    Column("SETTLED BY", least=8, rank=2),
    Column("NOTE", least=8, rank=1),
)


async def effect_keys(source: Sessions) -> AsyncIterator[str]:
    """Yield the keys of the calls whose outcome is not known, or is not known yet."""
    for state in UNSETTLED:
        async for effect in _effects(source, sys.maxsize, {"state": state}):
            yield effect.key


async def _effects(source: Sessions, limit: int, chosen: dict[str, str]) -> AsyncIterator[EffectInfo]:
    """Yield the calls of the ledger, the newest first."""
    after: str | None = None
    while limit and (page := await _page(source, after, min(limit, PAGE), chosen)):
        for effect in page:
            yield effect
        limit, after = limit - len(page), page[-1].key


async def _page(source: Sessions, after: str | None, limit: int, chosen: dict[str, str]) -> list[EffectInfo]:
    if not isinstance(source, Client):
        return await source.effects(after, limit, **chosen)
    page = chosen if after is None else {**chosen, "after": after}
    return msgspec.convert(await source.get("/effects", limit=limit, **page), EffectPage).effects


@click.group("effects", cls=Group, invoke_without_command=True)
@click.option("--unknown", is_flag=True, help="List only calls whose outcome is not known.")
@click.option(
    "--agent",
    "--session",
    "session",
    metavar="ID",
    shell_complete=complete_session,
    help="List only calls of this agent and its session.",
)
@click.option("--since", type=Moment(), metavar="TIME", help=f"List only calls since then: ISO 8601, or {AGES}.")
@click.option("--limit", default=20, show_default=True, type=WholeNumber(min=1), help="The number of calls to list.")
@json_option
@place_options
@click.pass_context
def effects(
    context: click.Context,
    /,
    unknown: bool,
    session: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
    **options: Any,
) -> None:
    """List the calls of tools that are not idempotent, the newest first, and what is known of each.

    The command asks the running daemon, or the one at --url. If no daemon runs, the command opens the store that the
    configuration or --store names.
    """
    context.obj = options
    if context.invoked_subcommand is not None:
        return
    chosen: dict[str, Any] = {"state": "unknown"} if unknown else {}
    chosen |= {} if session is None else {"session_id": session}
    chosen |= {} if since is None else {"since": since.isoformat()}

    async def show(source: Sessions) -> None:
        say_list([each async for each in _effects(source, limit, chosen)], COLUMNS, row_of, as_json=as_json)

    carry_out(options, show)


@effects.command("settle")
@click.argument("key", shell_complete=completed(effect_keys))
@click.option("--happened", metavar="RESULT", help="The call took effect. The model reads RESULT.")
@click.option("--did-not-happen", is_flag=True, help="The call took no effect. If its turn waits, the call runs.")
@click.option("--note", metavar="TEXT", help="A note for people, which is kept with the call.")
@place_options
def settle(key: str, happened: str | None, did_not_happen: bool, note: str | None, **options: Any) -> None:
    """Set the outcome of the call with this idempotency KEY. If its turn waits for the outcome, the turn goes on.

    RESULT is JSON, or text.
    """
    if (happened is None) == (not did_not_happen):
        got = "both" if did_not_happen else "neither"
        raise click.UsageError(f"expected --happened RESULT or --did-not-happen, got {got}")
    result = None if did_not_happen else _result(happened or "")

    async def settled(source: Sessions) -> None:
        continued = await by_id(key, effect_keys(source), lambda whole: _settled(source, whole, result, note))
        say("settled; its turn goes on" if continued else "settled")

    carry_out(options, settled)


def row_of(effect: EffectInfo) -> tuple[str, ...]:
    """Return the cells of a call. A program that settles a call has no name."""
    state = effect.state if effect.error is None else f"{effect.state} ({one_line(effect.error)})"
    by = NOTHING if effect.settled_at is None else one_line(effect.settled_by or "a program")
    call = one_line(effect.session_id), one_line(effect.tool)
    return (
        effect.key,
        time_of(effect.intended_at),
        state,
        str(effect.attempt),
        *call,
        by,
        one_line(effect.note or NOTHING),
    )


async def _settled(source: Sessions, key: str, happened: list[Any] | None, note: str | None) -> bool:
    """Return whether the turn of the call waited for that."""
    if not isinstance(source, Client):
        await source.settle_effect(key, happened, note)
        return False
    said: dict[str, Any] = {"happened": False} if happened is None else {"happened": True, "result": happened[0]}
    answer = await source.post(path("effects", key, "settle"), {**said, "note": note})
    return msgspec.convert(answer, EffectSettled).continued


def _result(text: str) -> list[Any]:
    """Return the result in a list: JSON data, or the text."""
    try:
        return [msgspec.json.decode(text)]
    except msgspec.DecodeError:
        return [text]

"""Commands for schedules: list, add, remove, pause, resume, run-now and history."""

from typing import Any

import click

from agents.cli.group import Group
from agents.cli.listing import json_option, say_list, time_of
from agents.cli.moment import AGES, Length
from agents.cli.printing import say
from agents.cli.remote import ids
from agents.cli.remote.completion import completed
from agents.cli.remote.connection import ask, daemon_options
from agents.cli.remote.ids import by_id, schedules
from agents.cli.view.printable import one_line
from agents.cli.view.table import Column
from agents.client import Client
from agents.client.paths import path

COLUMNS = (
    Column("NAME"),
    Column("AGENT"),
    Column("DUE", least=12),
    Column("NEXT", rank=3),
    Column("OWNER", rank=2),
    Column("SOURCE", rank=1),
)
RUNS_COLUMNS = (
    Column("DUE"),
    Column("STATE"),
    Column("BEGUN", rank=3),
    Column("ENDED", rank=2),
    Column("RUN", least=8),
    Column("SESSION", least=8, rank=1),
    Column("COUNT", right=True, rank=4),
    Column("REASON", least=12),
)
name_argument = click.argument("name", metavar="NAME", shell_complete=completed(schedules))


@click.group("schedules", cls=Group, invoke_without_command=True)
@json_option
@daemon_options
@click.pass_context
def schedules_command(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """List the schedules: messages to agents at due times. The commands below change them."""
    ctx.obj = options
    if ctx.invoked_subcommand is None:
        ask(options, lambda client: _list(client, as_json=as_json))


@schedules_command.command("list")
@json_option
@daemon_options
def list_command(as_json: bool, **options: Any) -> None:
    """List the schedules, as `understudy schedules` does."""
    ask(options, lambda client: _list(client, as_json=as_json))


async def _list(client: Client, *, as_json: bool) -> None:
    found = [each async for each in ids.pages(client, "/schedules", "schedules", place="name")]
    say_list(found, COLUMNS, _row, as_json=as_json)


@schedules_command.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--agent",
    required=True,
    metavar="AGENT",
    shell_complete=completed(ids.agents_and_sessions),
    help="The id of the agent that gets the message.",
)
@click.option("--message", required=True, metavar="TEXT", help="The text of the message.")
@click.option("--cron", metavar="FIELDS", help='The due times: five fields, such as "0 9 * * MON-FRI".')
@click.option("--every", type=Length(), metavar="TIME", help=f"The time between two runs: seconds, or {AGES}.")
@click.option("--timezone", metavar="ZONE", help="The time zone of --cron, such as Europe/Berlin. Default: UTC.")
@click.option(
    "--session",
    type=click.Choice(["own", "lasting"]),
    help="A new session for each run, or the agent's lasting one. Default: own.",
)
@click.option(
    "--missed",
    type=click.Choice(["skip", "once", "all"]),
    help="For due times at which no daemon ran: no run, one for all of them, or one for each. Default: skip.",
)
@click.option("--max-missed", type=int, metavar="N", help="The most runs of --missed all. Default: 10.")
@click.option("--grace", type=Length(), metavar="TIME", help="The time after which a due time is missed. Default: 60.")
@click.option("--jitter", type=Length(), metavar="TIME", help="The longest random delay of a run. Default: 0.")
@click.option(
    "--overlap",
    type=click.Choice(["skip", "wait", "allow"]),
    help="For a due time while a run is not over: no run, one that waits, or one beside it. Default: skip.",
)
@click.option("--owner", metavar="USER", help="The user who sees the schedule. Default: that of the token.")
@daemon_options
def add(
    name: str,
    url: Any,
    token_file: Any,
    state_dir: Any,
    **keys: Any,
) -> None:
    """Add a schedule."""
    body = {"name": name, **{key: value for key, value in keys.items() if value is not None}}

    async def do(client: Client) -> None:
        added = await client.post("/schedules", body)
        say(f"added: {_due(added)}")
        await ids.note_unknown(client, body["agent"])

    ask({"url": url, "token_file": token_file, "state_dir": state_dir}, do)


@schedules_command.command()
@name_argument
@daemon_options
def remove(name: str, **options: Any) -> None:
    """Remove a schedule with the history of its runs. NAME is a whole name. A turn that runs goes on."""

    async def do(client: Client) -> None:
        await client.delete(path("schedules", name))
        say("removed")

    ask(options, do)


@schedules_command.command()
@name_argument
@daemon_options
def pause(name: str, **options: Any) -> None:
    """Pause a schedule: no run is due until it is resumed."""

    async def do(client: Client) -> None:
        await _post(client, name, "pause")
        say("paused")

    ask(options, do)


@schedules_command.command()
@name_argument
@daemon_options
def resume(name: str, **options: Any) -> None:
    """Let a schedule go on with its next due time."""

    async def do(client: Client) -> None:
        say(f"resumed: {_due(await _post(client, name, 'resume'))}")

    ask(options, do)


@schedules_command.command("run-now")
@name_argument
@daemon_options
def run_now(name: str, **options: Any) -> None:
    """Begin a run now, and print its id, which is also that of its stream."""

    async def do(client: Client) -> None:
        say((await _post(client, name, "run"))["run_id"])

    ask(options, do)


@schedules_command.command()
@name_argument
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, metavar="N")
@json_option
@daemon_options
def history(name: str, limit: int, as_json: bool, **options: Any) -> None:
    """List the runs of a schedule, the newest first."""

    async def show(client: Client) -> None:
        found = await by_id(
            name, schedules(client), lambda name: client.get(path("schedules", name, "runs"), limit=limit)
        )
        say_list(found["runs"], RUNS_COLUMNS, _run_row, as_json=as_json)

    ask(options, show)


async def _post(client: Client, name: str, change: str) -> Any:
    """Change a schedule, whose name may be shortened, and return the answer."""
    return await by_id(name, schedules(client), lambda name: client.post(path("schedules", name, change)))


def _due(schedule: Any) -> str:
    return f"next due at {time_of(schedule['next_at'])}" if schedule["next_at"] else "no due time is left"


def _row(schedule: Any) -> tuple[str, ...]:
    cron, zone = schedule["cron"], schedule["timezone"]
    return (
        one_line(schedule["name"]),
        one_line(schedule["agent"]),
        f"every {schedule['every']:g} s" if cron is None else one_line(f"{cron} {zone}"),
        "paused" if schedule["paused"] else time_of(schedule["next_at"]),
        one_line(schedule["owner"] or "-"),
        schedule["source"],
    )


def _run_row(run: Any) -> tuple[str, ...]:
    state = run["outcome"] or run["state"]
    times = (time_of(run["begun_at"]), time_of(run["ended_at"]))
    return (
        *(time_of(run["due_at"]), state, *times, run["id"], one_line(run["session_id"] or "-")),
        *(str(run["count"]), one_line(run["reason"]) or "-"),
    )

"""The command line. COMMANDS lists the commands and their modules.

A command's module is imported when the command is called, so `understudy --help` does not import an HTTP client.
"""

import gc
import importlib
import sys

from agents.extras import MissingExtra, extra
from agents.node.garbage import uncollected
from agents.node.standard_streams import standard_streams

with extra("daemon", "the command line"):
    import click

    from agents.cli.exit_codes import ExitCode
    from agents.cli.group import Group
    from agents.cli.printing import complain, say
    from agents.cli.text import with_text

COMMANDS = {
    "demo": ("agents.cli.demo:demo", "Watch a supervised agent work, without a key or a network."),
    "chat": (
        "agents.cli.chat:chat",
        "Talk to a model at any OpenAI-compatible endpoint, or to an agent of the daemon.",
    ),
    "serve": ("agents.cli.serve:serve", "Run the daemon in the foreground: agents, served over HTTP."),
    "config": ("agents.cli.config:config", "Check, show or write the configuration file."),
    "doctor": ("agents.cli.doctor:doctor", "Check whether a daemon can start, and reach its providers."),
    "open": ("agents.cli.remote.page:open_page", "Open the daemon's page in a browser, logged in."),
    "ps": ("agents.cli.remote.ps:ps", "List the agents of the daemon and their streams."),
    "top": ("agents.cli.inspect:top_command", "Show the busiest processes of the daemon, or of a program."),
    "tree": ("agents.cli.inspect:tree_command", "Show the supervision tree of the daemon, or of a program."),
    "tail": ("agents.cli.remote.streams:tail", "Show the events of a stream until it ends."),
    "timeline": ("agents.cli.remote.timeline:timeline", "Show a turn over time, as text or as an SVG file."),
    "inbox": ("agents.cli.remote.inbox:inbox", "Show what waits for a person, and decide it."),
    "approvals": ("agents.cli.remote.waiting:approvals", "List the tool calls that wait for a decision."),
    "effects": ("agents.cli.effects:effects", "List the calls with effects, and settle those of unknown outcome."),
    "cancel": ("agents.cli.remote.streams:cancel", "Cancel a turn."),
    "approve": ("agents.cli.remote.streams:approve", "Approve a tool call that waits for a decision."),
    "deny": ("agents.cli.remote.streams:deny", "Deny a tool call that waits for a decision."),
    "answer": ("agents.cli.remote.streams:answer", "Answer a question that waits."),
    "steer": ("agents.cli.remote.streams:steer", "Add a user message to a running turn."),
    "mcp": ("agents.cli.remote.mcp:mcp_command", "Offer the daemon's agents as tools of an MCP server."),
    "stop": ("agents.cli.remote.control:stop", "Stop an agent of the daemon."),
    "reset": ("agents.cli.remote.control:reset", "Forget the crashes of an agent, and start it if it is held."),
    "reload": ("agents.cli.remote.control:reload_command", "Make the daemon read its configuration again."),
    "stop-daemon": ("agents.cli.remote.control:stop_daemon", "Stop the daemon after its running turns."),
    "cluster": ("agents.cli.remote.cluster:cluster", "Show the nodes of the cluster, or change what they have."),
    "drain": ("agents.cli.remote.cluster:drain", "Let a node of the cluster hand over its agents."),
    "undrain": ("agents.cli.remote.cluster:undrain", "Let a node that drains accept new turns again."),
    "where": ("agents.cli.remote.cluster:where", "Name the node that owns a session."),
    "schedules": ("agents.cli.remote.schedules:schedules_command", "List, add and change messages at due times."),
    "sessions": (
        "agents.cli.sessions.command:sessions",
        "Work on kept sessions: list, show, rename, delete, export, fork, prune.",
    ),
    "spend": ("agents.cli.sessions.spend:spend", "Show what model calls have spent: tokens and cost."),
    "backup": ("agents.cli.backup:backup_command", "Write the kept sessions to a file, also while the daemon runs."),
    "restore": ("agents.cli.backup:restore_command", "Restore a backup where no store exists."),
    "rehearse": (
        "agents.rehearsal.command:rehearse",
        "Serve OpenAI's HTTP API with scripted models, for tests and demos.",
    ),
    "record": (
        "agents.rehearsal.record.command:record",
        "Record the answers of a provider as a script for the rehearsal server.",
    ),
}
"""name: (module:attribute of the command, its line in the help)"""


class Commands(Group):
    """The commands of COMMANDS. Each is imported at its first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        with uncollected():
            return with_text(getattr(importlib.import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=Commands,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(None, "-v", "--version", package_name="understudy", message="%(prog)s %(version)s")
@click.pass_context
def understudy(ctx: click.Context) -> None:
    """Supervised processes for LLM agents."""
    if ctx.invoked_subcommand is None:
        say(ctx.get_help())


def main() -> None:
    """Run the console script. Wrong use of a command gets one line on stderr and exit code 2."""
    with standard_streams("understudy"):
        try:
            sys.exit(_exit_code())
        finally:
            gc.freeze()  # the interpreter's end would search all modules for garbage: 0.4 s after `serve`


def _exit_code() -> int:
    try:
        code = understudy.main(prog_name="understudy", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as asked:
        asked.show()
        code = asked.exit_code
    except click.ClickException as error:
        _report_wrong_use(error)
        code = error.exit_code
    except click.Abort:
        code = ExitCode.INTERRUPTED
    except MissingExtra as missing:  # of the command that was called
        complain(f"understudy: {missing}")
        code = ExitCode.USAGE
    return int(code or 0)


def _report_wrong_use(error: click.ClickException) -> None:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "understudy"
    complain(f"{command}: {' '.join(error.format_message().split())} (see {command} --help)")

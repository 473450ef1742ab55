"""Tools that ask a person in the middle of their calls. Each run writes a line to a file."""

from agents import CallContext, Question, tool
from tests.agents.notes import note
from tests.agents.scripts import call, calling

SCRIPT = "".join(
    (
        calling("cleaner", call("deletes", path="{user}"), text="So: {result:0}"),
        calling("mover", call("moves", path="{user}"), text="So: {result:0}"),
        calling(
            "both", call("deletes", path="{user}"), call("moves", path="{user}"), text="So: {result:0}, {result:1}"
        ),
    )
)
NAMES = [f"{__name__}:{name}" for name in ("deletes", "moves")]
WHETHER = Question("Really?", ("yes", "no"))
HOW = Question("How?", ("fast", "safe"), default="safe")


def asked_twice(path: str, call: CallContext, done: str) -> str:
    """Ask whether and how, and note each run and the end."""
    note(path, f"run {call.attempt} of {call.tool}")
    try:
        if call.ask(WHETHER) != "yes":
            return "kept"
        how = call.ask(HOW)
    except Exception as error:  # noqa: BLE001 (as a careless tool does)
        return f"caught {error!r}"
    note(path, f"{done} {how}")
    return f"{done} {how}"


@tool
def deletes(path: str, call: CallContext) -> str:
    """Delete, in a worker process."""
    return asked_twice(path, call, "deleted")


@tool
async def moves(path: str, call: CallContext) -> str:
    """Move, in a task."""
    return asked_twice(path, call, "moved")


@tool(isolation="thread")
def copies(path: str, call: CallContext) -> str:
    """Copy, in a thread."""
    return asked_twice(path, call, "copied")


@tool(approval_timeout_s=0.5)
def deletes_soon(path: str, call: CallContext) -> str:
    """Ask how, with a default, and then whether, with none."""
    note(path, f"run {call.attempt} of {call.tool}")
    how = call.ask(HOW)
    note(path, f"how: {how}")
    return f"{how} {call.ask(WHETHER)}"


@tool(requires_approval=True)
def deletes_if_approved(path: str, call: CallContext) -> str:
    """Ask after an approval."""
    return asked_twice(path, call, "deleted")

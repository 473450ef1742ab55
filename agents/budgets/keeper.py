"""The process that owns the counts of budgets. It is restarted with the journal, and reads the counts again then."""

from typing import Any, Final

from actors import Caller, GenServer, Reply, whereis
from actors.server.server_process import ServerProcess
from agents.budgets.counts import Counts
from agents.sessions import open_journal

BUDGETS: Final = "budgets"


class BudgetKeeper(GenServer[Counts]):
    """The keeper of the counts. Agents use them directly, without messages, since each use is a few additions."""

    async def init(self) -> Counts:
        return Counts(await open_journal())

    def handle_call(self, request: Any, caller: Caller, counts: Counts) -> Reply[Counts]:
        return Reply(None, counts)


def counts_here() -> Counts | None:
    """Return the counts of this process system; None if no application runs in it."""
    keeper = whereis(BUDGETS)
    process = None if keeper is None else keeper.process
    counts = process.state if isinstance(process, ServerProcess) else None
    return counts if isinstance(counts, Counts) else None

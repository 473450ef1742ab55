"""The standing approvals of an agent's calls: given with a decision, and looked up before a call asks a person."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

from msgspec.structs import replace

from actors import CallFailed
from actors.clock import unix_s
from actors.log import get_logger
from agents.agent_config import AgentConfig
from agents.core.conversation import ToolCall
from agents.core.standing import StandingApproval
from agents.core.waiting import Ruling
from agents.instance.requests import Approve
from agents.sessions import SessionError, open_journal
from agents.tools.approval import InvalidAlways

NO_STORE = "expected a session that is kept, since a standing approval outlives its turn"
EDITED = "expected no edited arguments, unless same_arguments is set: a standing approval is for what has run"

log = get_logger("understudy.agents")


def lookup(config: AgentConfig) -> Callable[[ToolCall], Awaitable[Ruling | None]]:
    """Return what finds the standing approval of a call by the agent. If the store can't be read, a person is asked."""

    async def granted(call: ToolCall) -> Ruling | None:
        try:
            journal = await open_journal()
            found = None if journal is None else await journal.store.granted(_of(config, call.name, call.arguments))
        except (CallFailed, SessionError) as failed:
            log.warning("standing_approvals_not_read", agent_id=config.id, reason=str(failed))
            return None
        return None if found is None else Ruling("approved", unix_s(), found.by, grant=found.id)

    return granted


async def always_fault(request: Approve, *, kept: bool) -> InvalidAlways | None:
    """Return why the request can't give a standing approval, or None."""
    if not kept or await open_journal() is None:
        return InvalidAlways(request.call_id, NO_STORE)
    if request.edited is not None and not request.same_arguments:
        return InvalidAlways(request.call_id, EDITED)
    return None


async def approve_always(request: Approve, call: ToolCall, config: AgentConfig) -> None:
    """Keep the standing approval of a request. call: as it was asked about. Raises SessionError."""
    journal = await open_journal()
    if journal is None:
        return
    arguments = call.arguments if request.edited is None else request.edited
    given = _of(config, call.name, arguments if request.same_arguments else None, request.by)
    if request.always == "tool":
        given = replace(given, session_id=None)
    await journal.store.grant(given)
    log.info("standing_approval_given", agent_id=config.id, tool=call.name, grant=given.id, by=request.by)


def _of(config: AgentConfig, tool: str, arguments: str | None, by: str | None = None) -> StandingApproval:
    session_id = config.id if config.parent is None else config.parent.session_id
    return StandingApproval(uuid4().hex, config.owner, config.name, session_id, tool, arguments, by, unix_s())

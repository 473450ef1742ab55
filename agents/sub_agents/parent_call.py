"""The call that a sub-agent answers, and what the sub-agent inherits from it."""

from hashlib import blake2b

from msgspec import Struct

from agents.core.budget import Budget
from agents.core.limits import Limits, left


class ParentCall(Struct, frozen=True):
    """The call that an agent answers as a sub-agent.

    session_id: of the calling agent. call_id: of the call. depth: the number of callers above the sub-agent.
    tokens, cost: the rest of the turn's limits; None: no limit. again: the call may have begun before a crash, so that
    the sub-agent may have a session. path: as in CallContext, of the sub-agent's own calls. root_session, root_stream:
    as in Payer. budgets: those of the calling turn and of its session.
    """

    session_id: str
    call_id: str
    depth: int
    tokens: int | None = None
    cost: float | None = None
    again: bool = False
    path: tuple[str, ...] = ()
    root_session: str = ""
    root_stream: str = ""
    budgets: tuple[Budget, ...] = ()

    def limited(self, limits: Limits) -> Limits:
        """Return a sub-agent's own limits within the rest of the calling turn's."""
        return left(limits, self.tokens, self.cost)


def sub_agent_id(tool: str, session_id: str, stream_id: str, model_call: int, index: int) -> str:
    """Return the id of the session, and of the stream, of the sub-agent that answers a call.

    It follows from the call's place in its turn, so a turn that continues after a crash finds the sub-agent again. The
    id of a call is not unique: a provider may use it again.
    """
    place = "\0".join((session_id, stream_id, str(model_call), str(index)))
    return f"{tool}-{blake2b(place.encode(), digest_size=12).hexdigest()}"

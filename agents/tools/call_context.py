"""The context of a call, for a tool that has a parameter of this type. The model neither sees nor sets it.

@tool
async def pay(to: str, cents: int, call: CallContext) -> str:
    return await bank.pay(to, cents, idempotency_key=call.key)
"""

import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from inspect import Parameter
from typing import Any, Generic

from msgspec import Struct
from typing_extensions import TypeVar

D = TypeVar("D", default=None)


class CallContext(Struct, Generic[D], frozen=True, kw_only=True):
    """The context of one attempt of a call.

    key: the idempotency key, in the form of a UUID. It is the same in all attempts of the call, after a restart and on
    another node, and no other call has it. attempt: 1, 2, 3 ... deadline: the moment at which the attempt is ended.
    session_id, stream_id: of the turn; the agent's id is its session's. owner: the user who owns the agent. agent:
    the name of the agent that speaks. path: of a sub-agent's call, the ids of the calls that led to the agent, the
    outermost first. dependencies: the value that the host bound to the parameter.

    Each field has a default, so a test of a tool may write `pay("Olaf", 500, call=CallContext(key="k"))`.
    """

    call_id: str = ""
    key: str = ""
    attempt: int = 1
    tool: str = ""
    session_id: str = ""
    stream_id: str = ""
    owner: str | None = None
    agent: str = ""
    path: tuple[str, ...] = ()
    deadline: datetime | None = None
    dependencies: D = None  # type: ignore[assignment]  # the default of D is None


OUTSIDE: CallContext = CallContext()
"""The context of a call that no turn makes."""


def outside() -> CallContext:
    """Return the context of a call that no turn makes."""
    return OUTSIDE


def moment_in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def context_parameters(parameters: Mapping[str, Parameter]) -> list[str]:
    """Return the names of the parameters that get the context."""
    return [name for name, each in parameters.items() if _context_type(each.annotation) is not None]


def type_of_dependencies(parameter: Parameter) -> Any:
    """Return D of a parameter of the type CallContext[D]; None for a context without dependencies."""
    given = typing.get_args(_context_type(parameter.annotation))
    return given[0] if given and given[0] is not type(None) else None


def _context_type(annotation: Any) -> Any:
    """Return the CallContext in an annotation, also in a union and with marks; None if there is none."""
    if annotation is CallContext or typing.get_origin(annotation) is CallContext:
        return annotation
    if hasattr(annotation, "__metadata__"):
        return _context_type(annotation.__origin__)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next((found for each in typing.get_args(annotation) if (found := _context_type(each)) is not None), None)
    return None

"""The context of a trace on its way between tasks, programs and machines, as headers such as `traceparent`.

    with within(chat.trace):        # the spans that begin in this block belong to the sender's trace
        headers = carried()         # for a request that another program answers

A process has no trace of its own: a context variable of the caller does not reach it. So messages carry the context.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, TypeAlias

Carrier: TypeAlias = Mapping[str, str]
"""Headers with lower-case names. Source: W3C Trace Context; OTEL_PROPAGATORS may choose other headers."""

NO_TRACE: Final[Carrier] = {}

_WITHOUT: Final[AbstractContextManager[None]] = nullcontext()


class Propagator:
    """Reads and sets the context of the running task. This one has none: OpenTelemetry is not in use."""

    def carried(self) -> Carrier:
        return NO_TRACE

    def within(self, carrier: Carrier) -> AbstractContextManager[None]:
        return _WITHOUT


_in_use: Propagator = Propagator()


def propagate_by(propagator: Propagator) -> None:
    """Use this propagator in all tasks of this program. It stays in use, as OpenTelemetry's context does."""
    global _in_use
    _in_use = propagator


def carried() -> Carrier:
    """Return the context of the running task, or NO_TRACE."""
    return _in_use.carried()


def within(carrier: Carrier) -> AbstractContextManager[None]:
    """Return a block with this context. Without a valid context in the carrier, the block changes nothing."""
    return _in_use.within(carrier)

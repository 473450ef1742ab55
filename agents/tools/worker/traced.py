"""The trace of a call, in the worker that runs the tool."""

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext


def traced(trace: Mapping[str, str]) -> AbstractContextManager[None]:
    """Return a block whose spans, and whose programs, belong to the trace of the call.

    Programs find it in their environment, such as TRACEPARENT. Source: OpenTelemetry, "Environment Variables as Context
    Propagation Carriers". A tool whose module has not imported OpenTelemetry has no spans, so it does not wait for that
    import.
    """
    os.environ.update({name.upper().replace("-", "_"): value for name, value in trace.items()})
    if not trace or "opentelemetry" not in sys.modules:
        return nullcontext()
    from agents.traces.recorded import ContextPropagator

    return ContextPropagator().within(trace)

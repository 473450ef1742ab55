"""Why a tree did not start: each supervisor above the child wraps its reason; a person wants the child's own."""

from actors import Shutdown, StartFailed
from supervisors.supervisor import FailedToStartChild


def root_cause(failed: StartFailed) -> StartFailed:
    """Of a tree that did not start, the failed start at the bottom: which child, and why."""
    match failed.reason:
        case Shutdown(FailedToStartChild(child, StartFailed() as inner)):
            return root_cause(StartFailed(str(child), inner.reason))
        case Shutdown(FailedToStartChild(child, inner)):
            return root_cause(StartFailed(str(child), inner))
        case StartFailed() as inner:
            return root_cause(inner)
    return failed

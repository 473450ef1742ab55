"""The first cause of a tree that did not start. Each supervisor above the failed child wraps the child's reason."""

from actors import Shutdown, StartFailed
from supervisors.supervisor import FailedToStartChild


def root_cause(failed: StartFailed) -> StartFailed:
    """Return the failed start at the bottom of a tree: which child failed, and why."""
    match failed.reason:
        case Shutdown(FailedToStartChild(child, StartFailed() as inner)):
            return root_cause(StartFailed(str(child), inner.reason))
        case Shutdown(FailedToStartChild(child, inner)):
            return root_cause(StartFailed(str(child), inner))
        case StartFailed() as inner:
            return root_cause(inner)
    return failed

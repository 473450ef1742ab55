"""The outcomes of tasks that their callers may never read."""

import asyncio
from typing import Any


def read_outcome(task: "asyncio.Task[Any]") -> None:
    """Read the outcome of a task that has ended, so that asyncio does not report its exception as never retrieved."""
    if not task.cancelled():
        task.exception()

"""The policy for Python's garbage collector, one for this OS process while at least one application runs in it.

Python's own settings collect the youngest objects very often, and then walk every object of the program while all
streams wait. With the policy, the collector walks small slices:

    young objects     Python collects them at THRESHOLDS
    older ones        `look` collects those that are new since the last slice, then freezes the survivors
    frozen ones       are skipped, until they may hold much garbage; then `look` collects them, too, at an idle moment

Figures: docs/adr/0010-garbage-collection.md.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actors import Pid

THRESHOLDS: Final = (5_000, 10, 20)
"""Objects until a collection of the youngest; such collections until one of older objects; those until one of all.

One collection of 5,000 new objects takes 2 ms. The last number bounds the garbage between two looks, at a million
objects.
"""

SLICE: Final = 50_000
"""The objects that are new since the last slice, until the next slice."""

GROWTH_WHEN_IDLE: Final = 1 / 4
"""The new objects, as a part of those that survived the last collection of all, until the next one. As in Python."""

GROWTH_WHEN_BUSY: Final = 1.0
LEAST_GROWTH_WHEN_BUSY: Final = 500_000


class GarbagePolicy:
    """The policy, and its holders: the garbage collectors of the running applications.

    The first holder sets the policy, and the end of the last one restores the host's settings. The policy does nothing
    if the host has disabled the garbage collector. It freezes nothing if the host has frozen objects: to unfreeze them
    is the host's business. The first look finds that out, since a count of frozen objects walks them all: 60 ms for a
    million. paused: `uncollected` has disabled the garbage collector for a while.
    """

    def __init__(self) -> None:
        self.paused = False
        self._lock = RLock()  # applications may run on several threads; a collection may run a finalizer
        self._holders: list[Pid] = []
        self._before: tuple[int, int, int] | None = None  # the host's thresholds; None while the policy is not set
        self._freezes: bool | None = None  # None until the first look
        self._survivors = 0  # of the last collection of all
        self._added = 0  # objects in the slices since then

    def hold(self, holder: "Pid") -> None:
        """Set the policy, unless another holder has set it."""
        with self._lock:
            self._holders = [each for each in self._holders if _runs(each)]
            if not self._holders:
                self._set()
            self._holders.append(holder)

    def release(self, holder: "Pid") -> None:
        """Restore the host's settings if no other holder is left."""
        with self._lock:
            self._holders = [each for each in self._holders if each is not holder and _runs(each)]
            if not self._holders:
                self._restore()

    def look(self, holder: "Pid", *, idle: bool) -> None:
        """Collect a slice, or all objects, if there are enough new ones. Only the first holder's looks have an effect.

        The first look collects nothing: it freezes what the start left. idle: whether a long pause does no harm.
        """
        if self._before is None or self._holders[:1] != [holder] or not gc.isenabled():
            return
        if self._freezes is None:
            self._freezes = gc.get_freeze_count() == 0
            if self._freezes:
                gc.freeze()
        elif self._freezes and (new := _new_objects()) >= SLICE:
            self._added += new
            self._collect(everything=self._added >= self._bound(idle=idle))

    def _bound(self, *, idle: bool) -> float:
        if idle:
            return self._survivors * GROWTH_WHEN_IDLE
        return max(self._survivors * GROWTH_WHEN_BUSY, LEAST_GROWTH_WHEN_BUSY)

    def _collect(self, *, everything: bool) -> None:
        if everything:
            gc.unfreeze()
        gc.collect()
        gc.freeze()
        if everything:
            self._survivors, self._added = gc.get_freeze_count(), 0

    def _set(self) -> None:
        if self._before is None and (gc.isenabled() or self.paused):
            self._before, self._freezes = gc.get_threshold(), None
            self._survivors = self._added = 0
            gc.set_threshold(*THRESHOLDS)

    def _restore(self) -> None:
        if self._before is not None and gc.get_threshold() == THRESHOLDS:  # else the host has set others meanwhile
            gc.set_threshold(*self._before)
        if self._freezes:
            gc.unfreeze()
        self._before, self._freezes = None, None


policy: Final = GarbagePolicy()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage within the block, and count all objects as old at its end. For imports at a program's start.

    Searching imported modules for garbage takes a tenth of the daemon's start.
    """
    if not gc.isenabled() or gc.get_freeze_count():
        yield
        return
    gc.disable()
    policy.paused = True
    try:
        yield
    finally:
        policy.paused = False
        gc.freeze()
        gc.unfreeze()  # into the oldest generation, without a walk
        gc.enable()


def _runs(holder: "Pid") -> bool:
    """Whether the process lives. One whose loop was closed under it can't release the policy."""
    process = holder.process
    return process is not None and not process.system.loop.is_closed()


def _new_objects() -> int:
    """Return about how many objects are new since the last slice: those that were made, without those that ended."""
    young, collections, older_collections = gc.get_count()
    youngest, older, _ = THRESHOLDS
    return young + youngest * (collections + older * older_collections)

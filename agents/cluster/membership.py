"""The nodes of a cluster, and the pure step that finds dead ones.

A judge looks at the other nodes' rows again and again. It suspects a node only if the node's beat has stood still for
the grace time of the judge's own clock, and the node's lock was free at two looks in a row. No clock is compared with
another one. After a look that failed, the judge begins again with NOTHING_SEEN: so a judge has always watched a node as
long as it judges by, and a restart of the store kills no node.

The judge looks at the lock of a node only while the node's beat is late: a look at all locks costs the store more than
a look at all beats.

A suspect is dead only after the store has confirmed that the beat is still the one of the suspicion.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

FREE_LOOKS: Final = 2
LEAST_GRACE_S: Final = 1.5


class LeaseTimes(Struct, frozen=True):
    """The times that follow from the lease time. lease_s: a stopped node is dead to the others after about this time.

    All are in seconds.
    """

    lease_s: float

    @property
    def beat_s(self) -> float:
        """The pause between two beats of a node."""
        return self.lease_s / 6

    @property
    def look_s(self) -> float:
        """The pause between two looks of a judge."""
        return self.lease_s / 12

    @property
    def late_s(self) -> float:
        """The time for which a late beat has stood still: between one pause of a judge and one pause of a node."""
        return self.lease_s / 8

    @property
    def grace_s(self) -> float:
        """The time for which a suspect's beat has stood still."""
        return max(self.lease_s / 4, LEAST_GRACE_S)


class NodeRow(Struct, frozen=True):
    """A node as one look finds it.

    incarnation: random bits of the node's start, since a store that was restored may give an epoch out twice. beat: the
    node's counter. locked: whether the node's lock is held; also True while the node's beat is not late.
    """

    epoch: int
    incarnation: str
    beat: int
    locked: bool


class Sighting(Struct, frozen=True):
    """A judge's memory of a node.

    since_s: the judge's monotonic clock at the first look that found this beat. free_looks: the number of looks in a
    row, up to the last one, that found this beat and the lock free.
    """

    incarnation: str
    beat: int
    since_s: float
    free_looks: int


Seen = Mapping[int, Sighting]
"""The sightings by epoch."""

NOTHING_SEEN: Final[Seen] = {}


class Suspect(Struct, frozen=True):
    """A node that seems dead. beat: the counter that the store must still have."""

    epoch: int
    incarnation: str
    beat: int


def late(seen: Seen, rows: Iterable[NodeRow], now_s: float, late_s: float) -> set[int]:
    """Return the epochs of the nodes whose beat has stood still for late_s."""
    sighted = ((row.epoch, _sighted(seen.get(row.epoch), row, now_s)) for row in rows)
    return {epoch for epoch, sighting in sighted if now_s - sighting.since_s >= late_s}


def judged(seen: Seen, rows: Iterable[NodeRow], now_s: float, grace_s: float) -> tuple[Seen, tuple[Suspect, ...]]:
    """Return the sightings after a look, and the suspects.

    rows: the other nodes that are not declared dead. now_s: the judge's monotonic clock at the begin of the look.
    """
    sightings = {row.epoch: _sighted(seen.get(row.epoch), row, now_s) for row in rows}
    suspects = tuple(
        Suspect(epoch, each.incarnation, each.beat)
        for epoch, each in sightings.items()
        if each.free_looks >= FREE_LOOKS and now_s - each.since_s >= grace_s
    )
    return sightings, suspects


def _sighted(before: Sighting | None, row: NodeRow, now_s: float) -> Sighting:
    free = 0 if row.locked else 1
    if before is None or (before.incarnation, before.beat) != (row.incarnation, row.beat):
        return Sighting(row.incarnation, row.beat, now_s, free)
    return Sighting(before.incarnation, before.beat, before.since_s, free and before.free_looks + 1)

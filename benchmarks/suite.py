"""A suite of figures, the limits of each figure, and the outcome of a run."""

from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct

from benchmarks.subject import Job
from benchmarks.workload import Measured


class Target(Struct, frozen=True):
    """The limit of a figure: a number, a multiple of the figure named `of`, or with above, a surplus over it."""

    most: float
    of: str | None = None
    above: bool = False

    def limit(self, figures: Mapping[str, "Figure"]) -> float | None:
        """Return the limit, or None if its reference was not measured."""
        if self.of is None:
            return self.most
        if self.of not in figures:
            return None
        other = figures[self.of].median
        return other + self.most if self.above else other * self.most


class Suite(Struct, frozen=True):
    """Figures that are compared with each other.

    references: of a spike of this design, by figure. targets: all targets of a figure apply. beside: the prefix of the
    names of the figures beside ours, which are otherwise equal; None if each line is a reader. remark: the text below
    the table. long: measured only if it is named. peers: measured only if it or the peers are named.
    """

    name: str
    title: str
    unit: str
    jobs: Sequence[Job]
    titles: Mapping[str, str]
    references: Mapping[str, float] = {}
    targets: Mapping[str, Sequence[Target]] = {}
    beside: Mapping[str, str] | None = None
    remark: str = ""
    long: bool = False
    peers: bool = False


class Figure(Struct, frozen=True):
    """A figure over all rounds of a run."""

    title: str
    unit: str
    median: float
    low: float
    high: float
    reference: float | None

    @property
    def of_reference(self) -> float | None:
        return None if self.reference is None else self.median / self.reference


def figures(suite: Suite, rounds: Sequence[Measured]) -> dict[str, Figure]:
    """Return the figures by name, in the order of the table, then those for comparison only."""
    names = dict.fromkeys([*suite.titles, *rounds[0]])
    return {name: _figure(suite, name, [each[name] for each in rounds]) for name in names}


def _figure(suite: Suite, name: str, values: Sequence[float]) -> Figure:
    title = suite.titles.get(name, name)
    return Figure(title, suite.unit, median(values), min(values), max(values), suite.references.get(name))

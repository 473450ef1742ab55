"""What a suite of figures is, what each of them may be, and what a run of it gave."""

from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct

from benchmarks.subject import Job
from benchmarks.workload import Measured


class Target(Struct, frozen=True):
    """What a figure may be: a number; or so many times the figure named `of`; or, if above, so much more than that."""

    most: float
    of: str | None = None
    above: bool = False

    def limit(self, figures: Mapping[str, "Figure"]) -> float | None:
        """None where the figure that it is relative to was not measured."""
        if self.of is None:
            return self.most
        if self.of not in figures:
            return None
        other = figures[self.of].median
        return other + self.most if self.above else other * self.most


class Suite(Struct, frozen=True):
    """Figures that are compared with each other.

    references: of a spike of this design, by figure. targets: all of a figure's hold. beside: whose figures stand
    beside ours, by what their names begin with, without it they are named alike; None where each line is a reader's.
    remark: what stands below the table. long: measured only by its name.
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
    """By name, in the order of the table; then what is only compared with."""
    names = dict.fromkeys([*suite.titles, *rounds[0]])
    return {name: _figure(suite, name, [each[name] for each in rounds]) for name in names}


def _figure(suite: Suite, name: str, values: Sequence[float]) -> Figure:
    title = suite.titles.get(name, name)
    return Figure(title, suite.unit, median(values), min(values), max(values), suite.references.get(name))

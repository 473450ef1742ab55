"""The figures of a run as a table, for the terminal and for RESULTS.md: the same lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from os import cpu_count, getloadavg
from platform import machine, python_version, system
from typing import Final

from benchmarks.figures import SUITES
from benchmarks.suite import Figure, Suite, Target

LIBRARIES: Final = ("openai", "aiohttp", "httpx2", "msgspec", "thespian", "uvloop")

PREFACE: Final = """\
# Figures of the last `make bench`

{date}, {rounds} rounds; {machine}; Python {python}; {libraries}.

Each measurement is an OS process of its own, all in turn in every round, on the same loop (uvloop) against the same
provider (an OS process, too, whose CPU time is not counted). Figures are medians over the rounds, with the lowest and
the highest. CPU time is the reader's own, of all threads, kernel included. Reference: what a spike of this design took
on one core of another run; a figure is to be within 2 times of it. At most: what a figure may be, the strictest where
it is held against more than one thing. The machine's load when the run began: {load}.

What else the machine did meanwhile shows in the range. Of the floor, AsyncOpenAI is: how often the floor goes into a
figure, and the figure into AsyncOpenAI's. The first three suites are written as fast as they are read, so a read brings
many tokens; a provider's tokens come one by one, as in those after, where each costs a turn of the loop and a system
call.
"""

HEADER: Final = """\
| {unit} | median | lowest to highest | reference | of it | of the floor | AsyncOpenAI is | at most |
|---|--:|--:|--:|--:|--:|--:|--:|"""

_SECTION: Final = re.compile(r"\n\n(?=## )")

OTHERS: Final = {
    "otp_spawn_server": "a bare spawn of OTP's",
    "floor": "the floor",
    "sdk": "AsyncOpenAI",
    "prepared": "prepared bytes",
    "bare": "the official client",
    "bare_at_once": "the official client",
    "here_first": "an agent here",
    "here_first_asked": "an agent here",
    "slow_cpu_one": "one node's",
    "wide_cpu_one": "one node's",
}
"""The base of a target that is not a multiple of the figure beside it."""


def table(suite: Suite, figures: Mapping[str, Figure], when: str = "") -> str:
    """Return a suite's figures, one per line, and then the conclusions. when: the time of an older run."""
    lines = [f"## {suite.title}", "", *([when, ""] if when else [])]
    if suite.beside is not None:
        columns = [cell for other in suite.beside.values() for cell in (other, "ours of it")]
        head = [suite.unit, "median", "lowest to highest", *columns, "at most"]
        lines += [_row(head), _row(["---", *("--:" for _ in head[1:])]).replace(" ", "")]
        lines += [_beside(name, figures, suite) for name in suite.titles]
    else:
        lines.append(HEADER.format(unit=suite.unit))
        lines += [_line(name, figures, suite) for name in suite.titles]
    return "\n".join([*lines, *_remarks(figures), *(["", suite.remark] if suite.remark else [])])


def merged(page: str, tables: list[str], preface: str | None = None) -> str:
    """Return the page with these tables in place of those with the same titles, or at its end."""
    head, *sections = _SECTION.split(page.rstrip())
    by_title = {section.partition("\n")[0]: section for section in [*sections, *tables]}
    return "\n\n".join([preface or head, *by_title.values()]) + "\n"


def preface(rounds: int, date: str, load: str) -> str:
    """Return the text above the tables."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    host = f"{system()} {machine()}, {cpu_count()} cores"
    return PREFACE.format(
        date=date, rounds=rounds, machine=host, python=python_version(), libraries=libraries, load=load
    ).rstrip()


def load() -> str:
    """Return the load of the last minute: the machine's threads that ran or were ready."""
    return f"{getloadavg()[0]:.1f}"


def suites_named(only: str | None, *, peers: bool) -> list[Suite]:
    if only is not None:
        return [suite for suite in SUITES if suite.name == only]
    return [suite for suite in SUITES if not suite.long and (peers or not suite.peers)]


def _line(name: str, figures: Mapping[str, Figure], suite: Suite) -> str:
    figure, floor, sdk = figures[name], figures.get("floor"), figures.get("sdk")
    return _row(
        [
            *_own(figure),
            _number(figure.reference),
            _times(figure.of_reference),
            _times(figure.median / floor.median if floor else None),
            _times(sdk.median / figure.median if sdk else None),
            _at_most(name, figures, suite),
        ]
    )


def _beside(name: str, figures: Mapping[str, Figure], suite: Suite) -> str:
    figure = figures[name]
    others = [figures.get(f"{prefix}_{name}") for prefix in suite.beside or ()]
    pairs = [(_number(each.median), _times(figure.median / each.median)) if each else ("", "") for each in others]
    return _row([*_own(figure), *(cell for pair in pairs for cell in pair), _at_most(name, figures, suite)])


def _own(figure: Figure) -> tuple[str, str, str]:
    return figure.title, _number(figure.median), f"{_number(figure.low)} to {_number(figure.high)}"


def _at_most(name: str, figures: Mapping[str, Figure], suite: Suite) -> str:
    """Return the strictest limit, and whether the figure misses it.

    Words replace a limit whose reference was not measured.
    """
    targets = suite.targets.get(name, ())
    limits = [(limit, target) for target in targets if (limit := target.limit(figures)) is not None]
    if not limits:
        return ", ".join(map(_words, targets))
    limit, target = min(limits, key=lambda each: each[0])
    words = _words(target)
    missed = ", missed" if figures[name].median > limit else ""
    return (_number(limit) if target.of is None else f"{_number(limit)} ({words})") + missed


def _words(target: Target) -> str:
    if target.of is None:
        return _number(target.most)
    other = OTHERS.get(target.of, "")
    return f"{other} + {target.most:g}" if target.above else f"{target.most:.3g}x {other}".rstrip()


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _remarks(figures: Mapping[str, Figure]) -> Iterator[str]:
    floor = figures.get("floor")
    if floor is not None and floor.unit == "ms":
        over = [f"{each.title} {each.median - floor.median:+.2f} ms" for each in figures.values() if each is not floor]
        yield f"\nOver the floor: {'; '.join(over)}."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 20 else f"{value:.0f}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"

"""One check of one value, step by step: the parts that the keywords of a schema share.

A step is one node of a schema at one place of a value, or one item, name or key that a keyword reads.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from agents.tools.arguments import MAX_FAULTS

MAX_STEPS: Final = 10_000  # about one microsecond each
MAX_DEPTH: Final = 100  # nested schemas at one moment: three Python frames each
SHOWN_CHARS: Final = 40
WIDE: Final = 1 << 64

Path: TypeAlias = "tuple[Path, str | int] | None"
"""A place in a value, from the last step up to the root."""


class TooMuch(Exception):
    """Raised if a check would exceed its limits. The text is one line: "expected ..."."""


class CheckState:
    """The state of a check. left: remaining steps. failed: a fault was found. quiet: faults are not recorded."""

    __slots__ = ("depth", "failed", "faults", "left", "quiet")

    def __init__(self) -> None:
        self.left = MAX_STEPS
        self.depth = 0
        self.faults: list[str] = []
        self.failed = self.quiet = False

    def spend(self, steps: int) -> None:
        """Count steps. Raises TooMuch."""
        self.left -= steps
        if self.left < 0:
            raise TooMuch(f"expected an answer and a schema that take at most {MAX_STEPS} steps to check")

    def fail(self, path: Path, expected: str, value: Any) -> None:
        self.failed = True
        if not self.quiet and len(self.faults) < MAX_FAULTS:
            self.faults.append(f"{_where(path)}: expected {expected}, got {shown(value)}")


Check: TypeAlias = Callable[[Any, Path, CheckState], None]


class SchemaNode:
    """A schema in its read form. cost: steps of one application. here: nodes that apply to the same value."""

    __slots__ = ("checks", "cost", "here")

    def __init__(self) -> None:
        self.checks: list[Check] = []
        self.here: list[SchemaNode] = []
        self.cost = 1

    def add(self, check: Check, cost: int = 1) -> None:
        self.checks.append(check)
        self.cost += cost

    def check(self, value: Any, path: Path, run: CheckState) -> None:
        """Check a value, and record its faults. Raises TooMuch."""
        run.spend(self.cost)
        run.depth += 1
        if run.depth > MAX_DEPTH:
            raise TooMuch(f"expected an answer that nests less: its schema nests {MAX_DEPTH} deep there")
        for check in self.checks:
            check(value, path, run)
            if run.failed and run.quiet:
                break
        run.depth -= 1

    def holds(self, value: Any, path: Path, run: CheckState) -> bool:
        """Return whether the value matches the node, without recording faults. Raises TooMuch."""
        failed, quiet = run.failed, run.quiet
        run.failed, run.quiet = False, True
        self.check(value, path, run)
        held = not run.failed
        run.failed, run.quiet = failed, quiet
        return held


def frozen(value: Any, run: CheckState) -> Any:
    """Return a hashable value. Two such values are equal if JSON Schema calls their originals equal.

    A number of more than 64 bits becomes text: a client could choose large integers with equal hashes. A float counts
    as the number that it holds, so 1e30 is not 10**30.
    """
    run.spend(1)
    match value:
        case dict():
            return "object", frozenset((key, frozen(item, run)) for key, item in value.items())
        case list():
            return "array", tuple(frozen(item, run) for item in value)
        case bool():
            return "bool", value
        case int() if not -WIDE < value < WIDE:
            return "number", hex(value)
        case float() if value.is_integer() and not -WIDE < value < WIDE:
            return "number", hex(int(value))
        case int() | float():
            return "number", value
        case _:
            return type(value), value


def shown(value: Any) -> str:
    """Return a value on one line, without a walk through its content."""
    match value:
        case dict():
            return f"an object with {len(value)} keys"
        case list():
            return f"an array with {len(value)} items"
        case str() if len(value) > SHOWN_CHARS:
            return f"{value[:SHOWN_CHARS]!r}..."
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int() if not -WIDE < value < WIDE:
            return "a long integer"
        case _:
            return repr(value)


def _where(path: Path) -> str:
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:SHOWN_CHARS]}")
    return "$" + "".join(reversed(steps))

"""The keywords of a client's schema, each with its bound. Source: JSON Schema, draft 2020-12, "Validation".

A keyword whose time depends on the value counts steps; every other keyword takes the same short time.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from agents.agent_config.bounded.check import Check, CheckState, Path, SchemaNode, frozen, shown

MULTIPLE_STEPS: Final = 40  # a division of fractions with a thousand bits
LONG_BITS: Final = 1024  # as many as a float may stand for
KINDS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
}


class Limit(NamedTuple):
    """A limit on a value. kind: that of the values to check. measure: returns the number to compare with the limit."""

    kind: str
    measure: Callable[[Any], Any]
    holds: Callable[[Any, Any], bool]
    words: str


def _itself(value: Any) -> Any:
    return value


BOUNDS: Final[Mapping[str, Limit]] = {
    "minimum": Limit("number", _itself, operator.ge, "at least {}"),
    "maximum": Limit("number", _itself, operator.le, "at most {}"),
    "exclusiveMinimum": Limit("number", _itself, operator.gt, "more than {}"),
    "exclusiveMaximum": Limit("number", _itself, operator.lt, "less than {}"),
    "minLength": Limit("string", len, operator.ge, "at least {} characters"),
    "maxLength": Limit("string", len, operator.le, "at most {} characters"),
    "minItems": Limit("array", len, operator.ge, "at least {} items"),
    "maxItems": Limit("array", len, operator.le, "at most {} items"),
    "minProperties": Limit("object", len, operator.ge, "at least {} keys"),
    "maxProperties": Limit("object", len, operator.le, "at most {} keys"),
}


def bound(keyword: str, limit: Any) -> Check:
    kind, measure, holds, words = BOUNDS[keyword]
    concerns, expected = KINDS[kind], words.format(shown(limit))

    def check(value: Any, path: Path, run: CheckState) -> None:
        if concerns(value) and not holds(measure(value), limit):
            run.fail(path, expected, value)

    return check


def type_(names: Sequence[str]) -> Check:
    kinds, expected = [KINDS[name] for name in names], " or ".join(names)

    def check(value: Any, path: Path, run: CheckState) -> None:
        if not any(kind(value) for kind in kinds):
            run.fail(path, expected, value)

    return check


def enum(values: Sequence[Any]) -> Check:
    reading = CheckState()
    members = {frozen(value, reading) for value in values}
    expected = "one of " + ", ".join(map(shown, values[:5])) + (", ..." if len(values) > 5 else "")

    def check(value: Any, path: Path, run: CheckState) -> None:
        if frozen(value, run) not in members:
            run.fail(path, expected, value)

    return check


def long(value: Any) -> int:
    """Return the steps that a long integer adds to a division, as its divisor or as the divided number."""
    return value.bit_length() // 8 if isinstance(value, int) and value.bit_length() > LONG_BITS else 0


def multiple_of(step: Any) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        run.spend(long(value))
        if KINDS["number"](value) and Fraction(value) % Fraction(step) and not _near(value, step):
            run.fail(path, f"a multiple of {shown(step)}", value)

    return check


def _near(value: Any, step: Any) -> bool:
    """Return whether a float is a multiple in decimal terms: 0.3 is a multiple of 0.1, but not in binary."""
    try:
        return isinstance(step, float) and (value / step).is_integer()
    except OverflowError:
        return False


def required(names: Sequence[str]) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        if isinstance(value, dict):
            for name in names:
                if name not in value:
                    run.fail(path, f"the key {shown(name)}", value)

    return check


def dependent_required(needs: Mapping[str, Sequence[str]]) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        if isinstance(value, dict):
            for name, needed in needs.items():
                if name in value and not all(each in value for each in needed):
                    run.fail(path, f"with the key {shown(name)} also {', '.join(map(shown, needed))}", value)

    return check


def properties(named: Mapping[str, SchemaNode], others: SchemaNode | None, names: SchemaNode | None) -> Check:
    """Return the check of an object. others: the node for other keys. names: the node for the keys as text."""

    def check(value: Any, path: Path, run: CheckState) -> None:
        if not isinstance(value, dict):
            return
        run.spend(len(value))
        for key, item in value.items():
            node = named.get(key, others)
            if node is not None:
                node.check(item, (path, key), run)
            if names is not None and not names.holds(key, path, run):
                run.fail((path, key), "a key that propertyNames allows", key)

    return check


def items(first: Sequence[SchemaNode], rest: SchemaNode | None) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        if not isinstance(value, list):
            return
        run.spend(len(value))
        for at, item in enumerate(value):
            node = first[at] if at < len(first) else rest
            if node is not None:
                node.check(item, (path, at), run)

    return check


def contains(node: SchemaNode, at_least: int, at_most: int | None) -> Check:
    most = "" if at_most is None else f" and at most {at_most}"

    def check(value: Any, path: Path, run: CheckState) -> None:
        if isinstance(value, list):
            found = sum(node.holds(item, (path, at), run) for at, item in enumerate(value))
            if found < at_least or (at_most is not None and found > at_most):
                run.fail(path, f"at least {at_least}{most} items as `contains` says", value)

    return check


def unique_items(value: Any, path: Path, run: CheckState) -> None:
    if isinstance(value, list) and len({frozen(item, run) for item in value}) < len(value):
        run.fail(path, "items that differ", value)


def never(value: Any, path: Path, run: CheckState) -> None:
    run.fail(path, "no value here", value)


def any_of(nodes: Sequence[SchemaNode]) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        if not any(node.holds(value, path, run) for node in nodes):
            run.fail(path, f"one of the {len(nodes)} forms of anyOf", value)

    return check


def one_of(nodes: Sequence[SchemaNode]) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        found = sum(node.holds(value, path, run) for node in nodes)
        if found != 1:
            run.fail(path, f"exactly one of the {len(nodes)} forms of oneOf, not {found}", value)

    return check


def not_(node: SchemaNode) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        if node.holds(value, path, run):
            run.fail(path, "a value that `not` does not describe", value)

    return check


def if_(condition: SchemaNode, then: SchemaNode | None, otherwise: SchemaNode | None) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        node = then if condition.holds(value, path, run) else otherwise
        if node is not None:
            node.check(value, path, run)

    return check


def dependent_schemas(nodes: Mapping[str, SchemaNode]) -> Check:
    def check(value: Any, path: Path, run: CheckState) -> None:
        if isinstance(value, dict):
            for name, node in nodes.items():
                if name in value:
                    node.check(value, path, run)

    return check

"""calculator: arithmetic, comparisons and functions of math, by a walk over a checked syntax tree. No eval."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Annotated, TypeAlias

from pydantic import Field

from agents.tools.tool import tool

Number: TypeAlias = int | float | bool

MAX_EXPRESSION_CHARS = 1000
MAX_BITS = 10_000  # of any whole number in the computation: 3,000 digits
MAX_COMBINATORIAL = 1000  # its factorial has 8,530 bits
MAX_ROUND_DIGITS = 400


class NotAvailable(Exception):
    """A part of Python's notation that the calculator does not have. The text names the part."""


@tool(timeout_s=5.0)
def calculator(
    expression: Annotated[
        str,
        Field(description="Such as (2 + 3) * 4, 2 ** 10, sqrt(2), round(pi, 3), 7 // 2, 10 % 3, 3 < 4 and 1 == 1.0"),
    ],
) -> Number:
    """Evaluate one arithmetic expression in Python's notation, with the functions of its math module."""
    if len(expression) > MAX_EXPRESSION_CHARS:
        raise ValueError(f"expected at most {MAX_EXPRESSION_CHARS} characters, got {len(expression)}")
    try:
        result = _value(ast.parse(expression.strip(), mode="eval").body)
    except (NotAvailable, ArithmeticError, TypeError) as error:
        raise ValueError(" ".join(str(error).split())) from None
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"expected one arithmetic expression, got {expression[:80]!r}") from None
    if isinstance(result, float) and not math.isfinite(result):
        raise ValueError(f"the result is not a finite number: {result}")
    return result


def _value(node: ast.expr) -> Number:
    """Return the value of a node. A kind of node without a case is not available."""
    match node:
        case ast.Constant(value):
            return _number(value)
        case ast.Name(name) if name in NAMES:
            return NAMES[name]
        case ast.Name(name):
            raise NotAvailable(f"{name!r} is not defined")
        case ast.UnaryOp(operator_, operand):
            return _operator(operator_)(_value(operand))
        case ast.BinOp(left, operator_, right):
            return _operator(operator_)(_value(left), _value(right))
        case ast.BoolOp(operator_, values):
            return _joined(operator_, values)
        case ast.Compare(left, operators, others):
            return _compared(_value(left), operators, others)
        case ast.IfExp(test, body, otherwise):
            return _value(body if _value(test) else otherwise)
        case ast.Call(ast.Name(name)) if name not in FUNCTIONS:
            raise NotAvailable(f"function {name!r} not defined")
        case ast.Call(ast.Name(name), arguments, []):
            return FUNCTIONS[name](*map(_value, arguments))
        case ast.Call(ast.Name()):
            raise NotAvailable("an argument by name is not available")
    raise NotAvailable(f"{type(node).__name__} is not available")


def _operator(kind: ast.AST) -> Callable[..., Number]:
    """Return the operator. For a common mistake of models, the refusal says what to write."""
    if (found := OPERATORS.get(type(kind))) is not None:
        return found
    hint = "; a power is written **" if isinstance(kind, ast.BitXor) else ""
    raise NotAvailable(f"{type(kind).__name__} is not available{hint}")


def _joined(kind: ast.boolop, operands: list[ast.expr]) -> Number:
    """Return the first operand that decides `and` or `or`, else the last one. Later operands have no value."""
    value: Number = True
    for each in operands:
        value = _value(each)
        if bool(value) is isinstance(kind, ast.Or):
            break
    return value


def _compared(left: Number, operators: list[ast.cmpop], others: list[ast.expr]) -> bool:
    """Return the result of a chain such as 1 < 2 < 3. The first false comparison ends it."""
    for kind, each in zip(operators, others, strict=True):
        right = _value(each)
        if not _operator(kind)(left, right):
            return False
        left = right
    return True


def _number(value: object) -> Number:
    if not isinstance(value, int | float):
        raise TypeError(f"expected numbers only, got {type(value).__name__}")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise OverflowError(f"expected whole numbers of at most {MAX_BITS} bits, got {value.bit_length()}")
    return value


def _checked(function: Callable[..., object]) -> Callable[..., Number]:
    """Return the function, limited to numbers within bounds. So a long computation must consist of small steps."""

    def checked(*numbers: object) -> Number:
        return _number(function(*map(_number, numbers)))

    return checked


def _power(base: Number, exponent: Number) -> object:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * abs(exponent) > 2 * MAX_BITS:
        raise OverflowError(f"expected a power of at most {MAX_BITS} bits")
    return base**exponent


def _bounded(function: Callable[..., int]) -> Callable[..., int]:
    def bounded(*numbers: int) -> int:
        if max(numbers, default=0) > MAX_COMBINATORIAL:
            raise OverflowError(f"expected at most {MAX_COMBINATORIAL}, got {max(numbers)}")
        return function(*numbers)

    return bounded


def _rounded(number: Number, digits: int = 0) -> Number:
    if abs(digits) > MAX_ROUND_DIGITS:
        raise OverflowError(f"expected at most {MAX_ROUND_DIGITS} digits, got {digits}")
    return round(number, digits) if digits else round(number)


PLAIN_OPERATORS: dict[type[ast.AST], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}

OPERATORS = {kind: _checked(function) for kind, function in PLAIN_OPERATORS.items()}

PLAIN_FUNCTIONS = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh degrees erf erfc exp expm1 fabs floor fmod "
    "gamma gcd hypot isqrt lcm lgamma log log10 log1p log2 pow radians remainder sin sinh sqrt tan tanh trunc"
)

BUILTIN_FUNCTIONS: tuple[Callable[..., object], ...] = (abs, min, max, int, float)

FUNCTIONS: dict[str, Callable[..., Number]] = {
    **{name: _checked(getattr(math, name)) for name in PLAIN_FUNCTIONS.split()},
    **{name: _checked(_bounded(getattr(math, name))) for name in ("factorial", "comb", "perm")},
    **{function.__name__: _checked(function) for function in BUILTIN_FUNCTIONS},
    "round": _checked(_rounded),
}

NAMES: dict[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau, "True": True, "False": False}

# What the calculator uses of simpleeval, which has no types of its own.
import ast
from collections.abc import Callable, Mapping
from typing import Any

class InvalidExpression(Exception): ...

class OperatorNotDefined(InvalidExpression):
    attr: ast.AST

class SimpleEval:
    nodes: dict[type[ast.AST], Callable[..., Any]]
    def __init__(
        self,
        operators: Mapping[type[ast.AST], Callable[..., Any]] | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> None: ...
    def eval(self, expr: str, previously_parsed: ast.AST | None = None) -> Any: ...

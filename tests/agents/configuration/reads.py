"""The fields of the settings that the code reads, found in its syntax by type annotations.

A name counts as settings if it is annotated as such, or assigned from settings: `settings.gateway.port` in a function
with `settings: Settings` reads port. Reads in the settings' own files do not count: a key that nothing else reads has
no effect.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from agents.settings import agent, application, gateway

ROOT: Final = Path(__file__).parents[3]
OWN: Final = ("agents/settings", "agents/configuration")

MODELS: Final[Mapping[str, type[BaseModel]]] = {
    name: each
    for module in (application, gateway, agent)
    for name, each in vars(module).items()
    if isinstance(each, type) and issubclass(each, BaseModel) and each is not BaseModel and not name.startswith("_")
}

Read = tuple[str, str]
"""(class, field)"""
Types = dict[str, str]
"""The class of the settings that a name, or an attribute of self, stands for."""


def fields() -> Iterator[Read]:
    """Return every field that the code must read."""
    for name, model in MODELS.items():
        yield from ((name, field) for field in model.model_fields)


@cache
def reads() -> frozenset[Read]:
    """Return every field that the code reads."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _sources()]
    held = {name: model for tree in trees for name, model in _attributes(tree)}
    results = {name: model for tree in trees for name, model in _results(tree)}
    return frozenset(read for tree in trees for read in _reads(tree, held, results))


def _sources() -> Iterator[Path]:
    for path in sorted((ROOT / "agents").rglob("*.py")):
        if not str(path.relative_to(ROOT)).startswith(OWN):
            yield path


def _attributes(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Return the attributes of any class that contain settings, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                match line:
                    case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation) if _model(annotation):
                        yield name, str(_model(annotation))


def _results(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Return the functions of a module that return settings, by name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            model = _model(node.returns)
            yield from () if model is None else ((node.name, model),)


def _reads(tree: ast.Module, held: Types, results: Types) -> Iterator[Read]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _Function(node, held, results).reads()


class _Function:
    def __init__(self, node: ast.FunctionDef | ast.AsyncFunctionDef, held: Types, results: Types) -> None:
        self._node, self._held, self._results = node, held, results
        self._types: Types = {}
        for argument in (*node.args.args, *node.args.kwonlyargs):
            if argument.annotation is not None and (model := _model(argument.annotation)) is not None:
                self._types[argument.arg] = model
        for _ in range(3):  # a name may be assigned from one that is assigned below
            for inner in ast.walk(node):
                self._learn(inner)

    def reads(self) -> Iterator[Read]:
        for inner in ast.walk(self._node):
            owner = self._type(inner.value) if isinstance(inner, ast.Attribute) else None
            if owner is not None and isinstance(inner, ast.Attribute) and inner.attr in MODELS[owner].model_fields:
                yield owner, inner.attr

    def _learn(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for name, value in zip(names, values, strict=False):
                    self._bind(name, value)
            case ast.Assign(targets=[target], value=value) | ast.NamedExpr(target=target, value=value):
                self._bind(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._bind(target, value)
                if isinstance(target, ast.Tuple):  # of zip, enumerate, items
                    for name in target.elts:
                        self._bind(name, value)

    def _bind(self, target: ast.AST, value: ast.AST) -> None:
        match target, self._type(value):
            case _, None:
                pass
            case ast.Name(id=name), str(model):
                self._types.setdefault(name, model)
            case ast.Attribute(value=ast.Name(id="self"), attr=attr), str(model):
                self._held.setdefault(attr, model)

    def _type(self, node: ast.AST) -> str | None:
        """Return the class of settings of an expression, or of its items."""
        match node:
            case ast.Name(id=name):
                return self._types.get(name)
            case ast.Attribute(value=ast.Name(id=name), attr="model_validate") if name in MODELS:
                return name
            case ast.Attribute(value=value, attr=attr):
                owner = self._type(value)
                if owner is None:
                    return self._held.get(attr)
                field = MODELS[owner].model_fields.get(attr)
                return owner if field is None else _named(str(field.annotation))
            case ast.Call(func=ast.Name(id=name)) if name in MODELS or name in self._results:
                return self._results.get(name, name)
            case ast.Call(func=ast.Attribute() as function):
                return self._type(function)
            case ast.Call(func=ast.Name(id="zip" | "enumerate" | "list" | "tuple"), args=arguments):
                return next(filter(None, map(self._type, arguments)), None)
            case ast.Subscript(value=value) | ast.Starred(value=value) | ast.Await(value=value):
                return self._type(value)
            case ast.BoolOp(values=values) | ast.Tuple(elts=values):
                return next(filter(None, map(self._type, values)), None)
            case ast.IfExp(body=body, orelse=other):
                return self._type(body) or self._type(other)
        return None


def _model(annotation: ast.AST) -> str | None:
    return _named(ast.unparse(annotation))


def _named(annotation: str) -> str | None:
    """Return the model that an annotation names, also within tuple[...] or X | None."""
    words = annotation.replace("agents.settings.application.", "").replace("agents.settings.agent.", "")
    for mark in "[](),|.'\"<>":
        words = words.replace(mark, " ")
    return next((word for word in words.split() if word in MODELS), None)

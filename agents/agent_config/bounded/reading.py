"""Read a client's schema into nodes that check a value. Source: JSON Schema, draft 2020-12.

READERS has every supported keyword that concerns a value. A schema with another keyword is refused. A reference must
lead to a schema, never to data, so its target has only supported keywords, too.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from agents.agent_config.bounded import keywords
from agents.agent_config.bounded.check import MAX_STEPS, SchemaNode, TooMuch, shown
from agents.core.faults import Fault, InvalidValue

ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format", "discriminator"}
    | {"contentEncoding", "contentMediaType", "contentSchema", "$schema", "$comment"}
)
"""Keywords that say nothing about a value. So does every keyword that begins with x-, and an $id of the document."""

MAX_SCHEMAS: Final = 2000
MAX_POINTER: Final = 4000  # characters: each schema is known by its pointer, which has the names of all above it

Schema: TypeAlias = Mapping[str, Any]


class InvalidSchema(InvalidValue):
    """Raised for an invalid schema. The fault is inside at the JSON pointer of the schema."""


def invalid(at: str, expected: str, value: Any) -> InvalidSchema:
    return InvalidSchema(Fault((), expected, shown(value), inside=at[:200] or "/"))


class SchemaReader:
    """The reading of one schema. A node is found by the JSON pointer of its schema."""

    def __init__(self) -> None:
        self._nodes: dict[str, SchemaNode] = {}
        self._references: list[tuple[SchemaNode, str, str]] = []

    def node(self, schema: Any, at: str) -> SchemaNode:
        if len(at) > MAX_POINTER:
            raise invalid(at, f"a place of at most {MAX_POINTER} characters", len(at))
        node = self._nodes[at] = SchemaNode()
        if len(self._nodes) > MAX_SCHEMAS:
            raise InvalidSchema(Fault((), f"a schema of at most {MAX_SCHEMAS} schemas", "more"))
        match schema:
            case True:
                pass
            case False:
                node.add(keywords.never)
            case dict():
                for reader in dict.fromkeys(_reader(keyword, at) for keyword in schema):
                    if reader is not None:
                        reader(self, node, schema, at)
            case _:
                raise invalid(at, "a schema", schema)
        return node

    def maybe(self, schema: Schema, keyword: str, at: str) -> SchemaNode | None:
        return self.node(schema[keyword], f"{at}/{keyword}") if keyword in schema else None

    def all(self, schema: Schema, keyword: str, at: str) -> list[SchemaNode]:
        schemas = of_type(list, schema.get(keyword, []), f"{at}/{keyword}")
        return [self.node(each, f"{at}/{keyword}/{place}") for place, each in enumerate(schemas)]

    def named(self, schema: Schema, keyword: str, at: str) -> dict[str, SchemaNode]:
        schemas = of_type(dict, schema.get(keyword, {}), f"{at}/{keyword}")
        return {name: self.node(each, f"{at}/{keyword}/{_escaped(name)}") for name, each in schemas.items()}

    def refer(self, node: SchemaNode, reference: str, at: str) -> None:
        self._references.append((node, reference, at))

    def resolve(self) -> None:
        """Apply the target of each reference. Raises InvalidSchema if it is not a schema of this document."""
        for node, reference, at in self._references:
            target = self._nodes.get(unquote(reference[1:])) if reference.startswith("#") else None
            if target is None:
                raise invalid(at, "a reference to a schema of this document", reference)
            apply_here(node, target)


Reader: TypeAlias = Callable[[SchemaReader, SchemaNode, Schema, str], None]


def apply_here(node: SchemaNode, other: SchemaNode) -> None:
    node.add(other.check)
    node.here.append(other)


def of_type(kind: type, value: Any, at: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid(at, {dict: "an object", list: "an array", int: "a whole number", str: "a text"}[kind], value)
    return value


def _texts(value: Any, at: str) -> list[str]:
    return [of_type(str, each, at) for each in of_type(list, value, at)]


def _count(value: Any, at: str) -> int:
    if of_type(int, value, at) < 0:
        raise invalid(at, "a number of 0 or more", value)
    return int(value)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _type(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    given = schema["type"]
    names = _texts([given] if isinstance(given, str) else given, f"{at}/type")
    if not names or not set(names) <= keywords.KINDS.keys():
        raise invalid(f"{at}/type", f"one of {', '.join(keywords.KINDS)}", given)
    node.add(keywords.type_(names), len(names))


def _values(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    for keyword in ("enum", "const"):
        if keyword in schema:
            given, here = schema[keyword], f"{at}/{keyword}"
            values = of_type(list, given, here) if keyword == "enum" else [given]
            try:
                node.add(keywords.enum(values))
            except TooMuch:
                raise invalid(here, f"a value of at most {MAX_STEPS} parts", given) from None


def _bounds(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    for keyword in keywords.BOUNDS.keys() & schema.keys():
        limit, here = schema[keyword], f"{at}/{keyword}"
        if keywords.BOUNDS[keyword].kind != "number":
            _count(limit, here)
        elif not keywords.KINDS["number"](limit):
            raise invalid(here, "a number", limit)
        node.add(keywords.bound(keyword, limit))


def _multiple_of(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    step = schema["multipleOf"]
    if not keywords.KINDS["number"](step) or step <= 0:
        raise invalid(f"{at}/multipleOf", "a number above 0", step)
    node.add(keywords.multiple_of(step), keywords.MULTIPLE_STEPS + keywords.long(step))


def _required(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    names = _texts(schema["required"], f"{at}/required")
    node.add(keywords.required(names), 1 + len(names))


def _dependent_required(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    here = f"{at}/dependentRequired"
    needs = {name: _texts(each, here) for name, each in of_type(dict, schema["dependentRequired"], here).items()}
    node.add(keywords.dependent_required(needs), 1 + sum(1 + len(needed) for needed in needs.values()))


def _properties(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    named = reading.named(schema, "properties", at)
    others, names = (reading.maybe(schema, keyword, at) for keyword in ("additionalProperties", "propertyNames"))
    node.add(keywords.properties(named, others, names))


def _items(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    node.add(keywords.items(reading.all(schema, "prefixItems", at), reading.maybe(schema, "items", at)))


def _contains(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    if (inner := reading.maybe(schema, "contains", at)) is not None:
        least, most = schema.get("minContains", 1), schema.get("maxContains")
        most = None if most is None else _count(most, f"{at}/maxContains")
        node.add(keywords.contains(inner, _count(least, f"{at}/minContains"), most))


def _unique_items(_: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    if schema["uniqueItems"] is True:
        node.add(keywords.unique_items)


def _all_of(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    for each in reading.all(schema, "allOf", at):
        apply_here(node, each)


def _any_of(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    for keyword, choice in (("anyOf", keywords.any_of), ("oneOf", keywords.one_of)):
        if keyword in schema:
            nodes = reading.all(schema, keyword, at)
            node.add(choice(nodes))
            node.here += nodes


def _not(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    inner = reading.node(schema["not"], f"{at}/not")
    node.add(keywords.not_(inner))
    node.here.append(inner)


def _if(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    condition, then, otherwise = (reading.maybe(schema, keyword, at) for keyword in ("if", "then", "else"))
    if condition is not None:
        node.add(keywords.if_(condition, then, otherwise))
        node.here += [each for each in (condition, then, otherwise) if each is not None]


def _dependent_schemas(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    nodes = reading.named(schema, "dependentSchemas", at)
    node.add(keywords.dependent_schemas(nodes), 1 + len(nodes))
    node.here += nodes.values()


def _ref(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    reading.refer(node, of_type(str, schema["$ref"], f"{at}/$ref"), f"{at}/$ref")


def _defs(reading: SchemaReader, node: SchemaNode, schema: Schema, at: str) -> None:
    for keyword in ("$defs", "definitions"):
        reading.named(schema, keyword, at)


READERS: Final[Mapping[str, Reader]] = {
    "type": _type,
    "enum": _values,
    "const": _values,
    **dict.fromkeys(keywords.BOUNDS, _bounds),
    "multipleOf": _multiple_of,
    "required": _required,
    "dependentRequired": _dependent_required,
    **dict.fromkeys(("properties", "additionalProperties", "propertyNames"), _properties),
    **dict.fromkeys(("prefixItems", "items"), _items),
    **dict.fromkeys(("contains", "minContains", "maxContains"), _contains),
    "uniqueItems": _unique_items,
    "allOf": _all_of,
    **dict.fromkeys(("anyOf", "oneOf"), _any_of),
    "not": _not,
    **dict.fromkeys(("if", "then", "else"), _if),
    "dependentSchemas": _dependent_schemas,
    "$ref": _ref,
    **dict.fromkeys(("$defs", "definitions"), _defs),
}
"""The readers, by keyword. Keywords that belong together have the same reader."""


def _reader(keyword: str, at: str) -> Reader | None:
    if keyword in READERS:
        return READERS[keyword]
    if keyword in ANNOTATIONS or keyword.startswith("x-") or (keyword == "$id" and not at):
        return None
    raise InvalidSchema(Fault((), "a keyword with a bounded check", keyword[:60], inside=at[:200] or "/"))

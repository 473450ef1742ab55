"""Types as schemas of OpenAPI 3.1."""

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, Final

import msgspec
from msgspec import inspect
from pydantic import BaseModel

PLACE: Final = "#/components/schemas/{name}"


class Shapes:
    """The schemas of a document.

    named: the schemas that have been added, by name. Each name has one shape.
    """

    def __init__(self, named: dict[str, Any]) -> None:
        self.named = named

    def schema(self, shape: Any) -> dict[str, Any]:
        """Return the schema of an answer of this type: text, a struct, a union of structs, or a model of pydantic."""
        if isinstance(shape, type) and issubclass(shape, BaseModel):
            return self._of_model(shape)
        (schema,), named = msgspec.json.schema_components([shape], ref_template=PLACE)
        for struct in _structs(inspect.type_info(shape)):
            _require_what_is_sent(struct, named[struct.__name__])
        self._name(named)
        return dict(schema)

    def _of_model(self, model: type[BaseModel]) -> dict[str, Any]:
        """Return a reference to the schema of a dumped pydantic model.

        The name ends with Output, because the same model in a request has another schema: a request may omit fields.
        """
        schema = model.model_json_schema(ref_template=PLACE.format(name="{model}Output"), mode="serialization")
        named = {**schema.pop("$defs", {}), model.__name__: schema}
        for each in named.values():
            _require_all(each)
        self._name({f"{name}Output": {**each, "title": f"{name}Output"} for name, each in named.items()})
        return {"$ref": PLACE.format(name=f"{model.__name__}Output")}

    def _name(self, named: dict[str, Any]) -> None:
        for name, schema in named.items():
            if "description" in schema:
                schema["description"] = cleandoc(schema["description"])
            if self.named.setdefault(name, schema) != schema:
                raise ValueError(f"expected one shape with the name {name}, got two")


def _require_what_is_sent(struct: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """Require every field that is always sent: all, unless the struct omits defaults or a field is UNSET by default."""
    if struct.__struct_config__.omit_defaults:
        return
    _require_all(schema)
    left_out = {field.encode_name for field in msgspec.structs.fields(struct) if field.default is msgspec.UNSET}
    if left_out:
        schema["required"] = [name for name in schema["required"] if name not in left_out]


def _require_all(schema: dict[str, Any]) -> None:
    fields = schema.get("properties", {})
    schema |= {"required": list(fields)} if fields else {}
    for each in fields.values():
        each.pop("default", None)
        for kind in (each, *each.get("anyOf", ())):
            values = kind.get("additionalProperties")
            for shown in (kind, *([values] if isinstance(values, dict) else ())):
                shown.pop("writeOnly", None)  # the answer shows a secret as stars


def _structs(info: Any) -> Iterator[type[msgspec.Struct]]:
    """Yield each struct in a type once, at any depth."""
    left, seen = [info], set[type[msgspec.Struct]]()
    while left:
        match left.pop():
            case inspect.StructType(cls=struct, fields=fields) if struct not in seen:
                seen.add(struct)
                yield struct
                left += [field.type for field in fields]
            case inspect.UnionType(types=types):
                left += types
            case inspect.CollectionType(item_type=item):
                left.append(item)
            case inspect.DictType(value_type=value):
                left.append(value)

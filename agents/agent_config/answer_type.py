"""The type of an agent's answer: the request asks the model for it, and the answer is checked against it.

The type is one that pydantic can check (a model, a dataclass, a TypedDict), or a JSON schema. Its root must be an
object, because providers accept nothing else. The check runs on the event loop. The check of a program's own type has
no time limit, and holds all streams while it runs. A schema from a client or from the store has a bounded check
(bounded/).
"""

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import msgspec
from pydantic import PydanticUserError, TypeAdapter, ValidationError

from actors.kernel.errors import named
from agents.agent_config.bounded import InvalidSchema, bounded_schema
from agents.core.depth import EXPECTED, SHALLOW, text_too_deep, too_deep
from agents.core.effects import AnswerChecked
from agents.core.faults import Fault, InvalidValue
from agents.extras import MissingExtra, extra
from agents.llm.dialects import DIALECTS
from agents.llm.endpoint import Api
from agents.llm.text import one_line
from agents.tools.arguments import MAX_FAULTS, fault_line, snippet

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

NAME = re.compile(r"[^a-zA-Z0-9_-]+")
FENCE = "```"
CHECKABLE = "a type that pydantic can check"
MAX_CHARS = 128 * 1024
FAULT_CHARS = 200


class InvalidAnswerType(InvalidValue):
    """Raised for an invalid answer type."""


@dataclasses.dataclass(frozen=True)
class AnswerType:
    """An answer type.

    name, schema: sent to the model. read: checks a JSON document, and returns its value or its faults. max_chars: the
    longest document; None: any length. load: returns the value of a checked document, for a type a value of this type.
    """

    name: str
    schema: dict[str, Any]
    read: Callable[[str], AnswerChecked]
    max_chars: int | None = None
    load: Callable[[str], Any] = msgspec.json.decode

    @classmethod
    def of(cls, given: Any) -> Self:
        """Return the answer type of a program's type or JSON schema. Raises InvalidAnswerType for any other value."""
        if isinstance(given, str):  # pydantic would evaluate any string
            raise InvalidAnswerType(Fault((), CHECKABLE, repr(given[:80])))
        if too_deep(given):
            raise InvalidAnswerType(Fault((), SHALLOW, "deeper"))
        made = cls._of_schema(given) if isinstance(given, Mapping) else cls._of_type(given)
        if made.schema.get("type") != "object":
            raise InvalidAnswerType(Fault((), "a type or a JSON schema of an object", snippet(made.schema)))
        return made

    @classmethod
    def bounded(cls, given: Any) -> Self:
        """Return the answer type of a client's or the store's JSON schema, with a bounded check.

        Raises InvalidAnswerType for any other value.
        """
        if not isinstance(given, dict) or given.get("type") != "object":
            raise InvalidAnswerType(Fault((), "a JSON schema of an object", snippet(given)))
        try:
            schema = bounded_schema(given)
        except InvalidSchema as invalid:
            raise InvalidAnswerType(invalid.fault) from None
        return cls(_name(given.get("title", "answer")), given, lambda text: _checked(schema.faults, text), MAX_CHARS)

    @classmethod
    def _of_schema(cls, given: Mapping[str, Any]) -> Self:
        try:
            with extra("daemon", "a JSON schema"):  # 0.1 s, for the few agents that give a bare schema
                from jsonschema import Draft202012Validator, SchemaError
                from referencing import Registry
        except MissingExtra as missing:
            needed = f"{missing.name}, which checks a JSON schema, to be installed"
            raise InvalidAnswerType(Fault((), needed, f"none: {missing.command}")) from None
        schema = dict(given)
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            got = f"a fault at {error.json_path}: {error.message}"
            raise InvalidAnswerType(Fault((), "a JSON schema", got)) from None
        validator = Draft202012Validator(
            schema, registry=Registry()
        )  # an empty registry: the default one would fetch references
        faults_of = partial(_faults, validator)
        return cls(_name(schema.get("title", "answer")), schema, lambda text: _checked(faults_of, text))

    @classmethod
    def _of_type(cls, given: Any) -> Self:
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(given)
            schema = adapter.json_schema()
        except (PydanticUserError, TypeError, NameError, SyntaxError) as error:
            words = one_line(f"{named(given)}: {error}", FAULT_CHARS)
            raise InvalidAnswerType(Fault((), CHECKABLE, words)) from None
        name = _name(getattr(given, "__name__", "answer"))
        load = partial(adapter.validate_json, strict=True)
        return cls(name, schema, lambda text: _validated(adapter, text), load=load)

    def check(self, content: str) -> AnswerChecked:
        """Check an answer. A Markdown fence around the whole document is accepted."""
        document = _unfenced(content)
        if self.max_chars is not None and len(document) > self.max_chars:
            return AnswerChecked((f"answer: expected at most {self.max_chars} characters, got {len(document)}",))
        return AnswerChecked((f"answer: {EXPECTED}",)) if text_too_deep(document) else self.read(document)

    def value_of(self, content: str) -> Any:
        """Return the value of an answer that `check` accepted."""
        return self.load(_unfenced(content))

    def asked_for(self, api: Api) -> dict[str, Any]:
        """Return the request keys that ask for this type.

        `strict` is false: it allows few types, and the answer is checked here anyway.
        """
        return DIALECTS[api].answer_form({"name": self.name, "schema": self.schema, "strict": False})


def _validated(adapter: TypeAdapter[Any], text: str) -> AnswerChecked:
    try:
        value = adapter.validate_json(text, strict=True)  # strict, as in the schema: "5" is not an integer
        return AnswerChecked(value=adapter.dump_python(value, mode="json"))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)[:MAX_FAULTS]
        return AnswerChecked(tuple(fault_line(dict(each), "answer") for each in faults))
    except Exception as error:  # noqa: BLE001 - the crash boundary: validators and serializers that the type brought
        return _broken(error)


def _checked(faults_of: Callable[[Any], Iterable[str]], text: str) -> AnswerChecked:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        return AnswerChecked((f"answer: expected JSON, got {snippet(text)} ({error})",))
    try:
        faults = tuple(one_line(fault, FAULT_CHARS) for fault in faults_of(value))
    except Exception as error:  # noqa: BLE001 - as above: a reference that leads nowhere, a value nested too deep
        return _broken(error)
    return AnswerChecked(faults) if faults else AnswerChecked(value=value)


def _faults(validator: "Draft202012Validator", value: Any) -> Iterator[str]:
    for error in islice(validator.iter_errors(value), MAX_FAULTS):
        yield f"{error.json_path}: {error.message}"


def _unfenced(content: str) -> str:
    """Return the lines between a first line ```json, or ```, and a last line ```; without a fence, the content."""
    text = content.strip()
    first, _, rest = text.partition("\n")
    if first.strip() in (FENCE, f"{FENCE}json") and rest.endswith(FENCE):
        body, newline, last = rest.rpartition("\n")
        if newline and last.strip() == FENCE:
            return body
    return content


def _broken(error: Exception) -> AnswerChecked:
    return AnswerChecked((one_line(f"answer: {type(error).__name__}: {error}", FAULT_CHARS),))


def _name(given: object) -> str:
    return NAME.sub("_", str(given))[:64] or "answer"

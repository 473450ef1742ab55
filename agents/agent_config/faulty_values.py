"""The faults that pydantic finds in an agent's configuration, with the faulty values."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from msgspec.structs import replace
from pydantic import BaseModel

from agents.agent_config.kept import SECRETS
from agents.core.faults import Fault
from agents.core.nearest import suggestion
from agents.settings.agent import AgentSettings
from agents.settings.faults import of_pydantic


def with_value(error: Any) -> Fault:
    """Return a fault of pydantic with the value, unless the value contains a secret."""
    fault = of_pydantic(error)
    if error["type"] == "extra_forbidden":
        *section, name = error["loc"]
        known = tuple(_keys(section))
        return replace(fault, expected=f"one of {', '.join(known)}{suggestion(name, known)}")
    if fault.got:
        return fault
    came = type(error["input"]).__name__ if fault.path == ("tools",) else _shown(error["input"])  # it may show a secret
    return replace(fault, got="a secret" if _may_show_secret(f"{fault.path}{came}") else came[:80])


def _may_show_secret(text: str) -> bool:
    return "api_key" in text or any(repr(name) in text for name in SECRETS)


def _shown(value: object) -> str:
    """Return a value as text, or the name of its type if its repr raises, as for a value that nests deep."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - the repr of an object is code of the caller
        return type(value).__name__


def _keys(section: Sequence[Any]) -> Iterator[str]:
    """Return the known keys of a section, which may stand in another one."""
    model: type[BaseModel] = AgentSettings
    for name in section:
        if isinstance(name, str) and (inner := next(_models(model.model_fields[name].annotation), None)) is not None:
            model = inner
    return iter(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a type, such as that of list[BudgetSettings] | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)

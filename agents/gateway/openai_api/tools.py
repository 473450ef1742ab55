"""The client's tools: functions that the agent's model may call and that the client runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents.core.depth import SHALLOW, too_deep
from agents.core.faults import Fault, InvalidValue
from agents.gateway.errors import Refusal
from agents.settings.values import TOOL_NAME


def _shallow(schema: dict[str, Any]) -> dict[str, Any]:
    if too_deep(schema):
        raise InvalidValue(Fault((), SHALLOW))
    return schema


Schema = Annotated[dict[str, Any], AfterValidator(_shallow)]


class ClientFunction(BaseModel):
    """A function of the client. parameters: a JSON schema of an object; without it the function has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=TOOL_NAME)]
    description: str | None = None
    parameters: Schema | None = None
    strict: bool | None = None

    def shown(self) -> Mapping[str, Any]:
        """Return the description for the model."""
        parameters = self.parameters or {"type": "object", "properties": {}}
        strict = {} if self.strict is None else {"strict": self.strict}
        return {"name": self.name, "description": self.description or "", "parameters": parameters, **strict}


def described(functions: Sequence[ClientFunction]) -> tuple[Mapping[str, Any], ...]:
    """Return the descriptions for the model. Raises Refusal for two functions with one name."""
    found = tuple(function.shown() for function in functions)
    check_unused(found, ())
    return found


def check_unused(tools: Sequence[Mapping[str, Any]], own: Iterable[str]) -> None:
    """Raise Refusal for a tool of the client whose name is in use. own: the names of the agent's tools."""
    used = set(own)
    for place, tool in enumerate(tools):
        if tool["name"] in used:
            words = f"tools[{place}]: expected a name that no other tool of the agent or the request has"
            raise Refusal(422, f"{words}, got {tool['name']}", param=f"tools[{place}]")
        used.add(tool["name"])


def check_choice(name: str | None, functions: Sequence[ClientFunction], *, forced: bool) -> None:
    """Raise Refusal for a tool_choice that demands a call that the request's tools can't give. name: of the tool."""
    if forced and not functions:
        raise Refusal(422, "tool_choice: expected `auto` or `none` without tools", param="tool_choice")
    if name is not None and all(function.name != name for function in functions):
        words = f"tool_choice: expected the name of one of the request's tools, got {name!r}"
        raise Refusal(422, words[:200], param="tool_choice")

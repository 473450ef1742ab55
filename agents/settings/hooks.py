"""The hooks of an agent, or of all agents of an owner. Durations are in ms. docs/hooks.md."""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from agents.settings.values import Flag, Milliseconds, Spelled, TextOnly

ALL: Final = "*"
"""The name that stands for all agents, also for those without an owner."""


NamedHook = Annotated[Any, Spelled('"module:function"')]


class OnFailure(StrEnum):
    """The decision of a hook that fails or is late. DENY: closed. RUN: open."""

    DENY = "deny"
    RUN = "run"


class HookSettings(TextOnly, BaseModel):
    """The hooks at each point, in their order: "module:function", or functions.

    hold_answer: subscribers get an answer only when the hooks after the model have decided on it. timeout: deadline of
    each decision. on_failure: the decision of a hook that raises, is late, or answers with another value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    before_model: list[NamedHook] = []
    after_model: list[NamedHook] = []
    before_tool: list[NamedHook] = []
    after_tool: list[NamedHook] = []
    hold_answer: Flag = False
    timeout: Milliseconds = 5000
    on_failure: OnFailure = OnFailure.DENY


OWNER_OR_ALL: Final = r"^(\*|[A-Za-z0-9._@+-]{1,128})$"
OwnerOrAll = Annotated[str, Field(pattern=OWNER_OR_ALL), Spelled("a user's name, or * for all agents")]

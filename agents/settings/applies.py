"""The effect of a reload on a setting, as a part of the field's annotation.

model: Annotated[str, Applies.NEW_AGENTS]      a changed model applies to agents that start from now on

A field without one has the effect of its section. A change without any effect needs a restart of the daemon.
"""

from enum import StrEnum


class Applies(StrEnum):
    """The things to which a change applies without a restart."""

    NEW_AGENTS = "agents that start from now on"
    PROVIDERS = "model calls from now on"
    SUPERVISORS = "restarts from now on"
    LOGGING = "log events from now on"
    GATEWAY = "requests from now on"
    SCHEDULES = "runs from now on"
    WEBHOOKS = "messages on their way, and to agents that start from now on"

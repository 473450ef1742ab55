"""The error of an invalid configuration of an agent."""

from collections.abc import Iterable

from agents.core.faults import Fault


class InvalidAgentConfig(ValueError):
    """Raised with every fault of an agent's configuration. The text has one line per fault."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"agent config: {fault}" for fault in self.faults))

"""The limits of the parts of a message, from the settings."""

from agents.parts.limits import PartLimits
from agents.settings import PartSettings


def part_limits(parts: PartSettings) -> PartLimits:
    types = frozenset(each.value for each in parts.types)
    return PartLimits(parts.max_bytes, parts.max_message_bytes, parts.max_count, types)

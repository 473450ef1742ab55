"""A node that is about to join a cluster."""

from msgspec import Struct


class Joining(Struct, frozen=True):
    """A node that is about to join. lease_s: its lease time. The other fields are those of NodeRecord."""

    name: str
    lease_s: float
    version: str = ""
    config_hash: str = ""

"""The settings of a node of a cluster."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from agents.settings.values import Milliseconds, Name

UNIX: Final = "unix"


class ClusterSettings(BaseModel):
    """The settings of this node, which shares its store with the other nodes of its cluster.

    enabled: join the cluster of the store; False: be the store's only program. name: for people; None: the host and
    the pid. lease_time: about how long a stopped node keeps its sessions. failover_wait: how long a request waits for
    the next owner of its session. max_takeovers: how often a turn whose nodes died is resumed; then it ends as
    interrupted. listen: for the other nodes: `unix`, which is a socket in the daemon's state_dir, or a host and a port.
    advertise: the host and port at which the others find this node; None: `listen`. secret_file: what all nodes share;
    None: `cluster.secret` in the daemon's state_dir. tls_certificate, tls_key: files; the certificate is valid for a
    server and for a client. tls_ca: the file with the authority of the certificates of all nodes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False
    name: Name | None = None
    lease_time: Milliseconds = 6000
    failover_wait: Milliseconds = 15_000
    max_takeovers: Annotated[int, Field(ge=0)] = 3
    listen: str = UNIX
    advertise: str | None = None
    secret_file: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None

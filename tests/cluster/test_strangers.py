"""Nodes of another cluster, and with another secret: they are refused at their start, and the others go on."""

import asyncio
import re
import secrets
from pathlib import Path

import pytest

from agents.rehearsal import RehearsalServer
from tests.cluster.engine import Database, Engine, free_port
from tests.cluster.nodes import Cluster, NotStarted

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]


async def refusal(cluster: Cluster, name: str, **own: object) -> str:
    """Start a node that is refused. Return its last line."""
    with pytest.raises(NotStarted) as refused:
        await cluster.start(name, own={f"cluster.{key}": value for key, value in own.items()})
    assert refused.value.code == 2
    assert "Traceback" not in refused.value.log
    return refused.value.log.splitlines()[-1]


async def test_a_node_with_another_secret_is_refused_with_one_line(cluster: Cluster) -> None:
    [node] = await cluster.start("a")
    other = cluster.folder / "other"
    other.touch(mode=0o600)
    other.write_text(secrets.token_hex(32))
    line = await refusal(cluster, "b", secret_file=other)
    assert re.match(
        r"understudy: node a at unix:.*: the peer refused: expected a proof of the cluster's secret, ", line
    )
    await cluster.start("b")  # with the secret
    assert node.lives


async def test_a_node_that_meets_one_of_another_cluster_is_refused_with_one_line(
    cluster: Cluster, shared_engine: Engine, provider: RehearsalServer, tmp_path: Path
) -> None:
    """The address of node a is that of a node of another database, with the same secret."""
    (tmp_path / "other").mkdir()
    address = f"127.0.0.1:{free_port()}"
    async with Cluster.of(tmp_path / "other", await Database.made(shared_engine), provider, {}) as other:
        (other.folder / "secret").write_text((cluster.folder / "secret").read_text())
        await asyncio.gather(
            other.start("x", own={"cluster.listen": address}),
            cluster.start("a", own={"cluster.advertise": address}),
        )
        line = await refusal(cluster, "b")
        ours, theirs = cluster.database.name, other.database.name
        expected = f"expected a node of the cluster {ours!r}, got one of {theirs!r}"
        assert line == f"understudy: node a at {address}: {expected}"
        assert [node.lives for node in (*cluster.living, *other.living)] == [True, True]

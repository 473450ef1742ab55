"""Routes of the cluster: its nodes, the owners of sessions, and the drain of a node."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from msgspec import Struct
from msgspec.json import decode
from starlette.responses import Response

from actors.log import get_logger
from agents.cluster import operations
from agents.cluster.errors import NotInCluster
from agents.cluster.operations import NodeStatus, StillAlive
from agents.gateway.document.responses import answers, json
from agents.gateway.errors import Refusal
from agents.gateway.guard.scopes import needs
from agents.gateway.reports import NodeName, of_node
from agents.gateway.routes.host import Host
from agents.gateway.routes.permission import CurrentCaller
from agents.gateway.routes.reply import Json
from agents.instance.elsewhere import UnknownNode
from agents.settings import Scope

T = TypeVar("T")

Ids = Annotated[list[str], Query(alias="id", max_length=1000, description="ids of sessions")]
Milliseconds = Annotated[int | None, Query(alias="time", ge=0, description="ms; default: daemon.drain_time")]

log = get_logger("understudy.cluster")


class NodeList(Struct, frozen=True):
    """The living nodes of the cluster, in the order of their joining."""

    nodes: list[NodeStatus]


class SessionOwners(Struct, frozen=True):
    """The names of the nodes that own sessions, by session. A free or unknown session is left out."""

    owners: dict[str, str]


class Draining(Struct, frozen=True):
    """Whether the node drains."""

    draining: bool


class Released(Struct, frozen=True):
    """The number of idle agents that ended. Their sessions wake on the node that is asked for them."""

    released: int


def cluster(host: Host) -> APIRouter:
    routes = APIRouter(tags=["cluster"])

    @routes.get("/cluster")
    @needs(Scope.ADMIN)
    @answers(json(NodeList), refuses=(409,))
    async def nodes() -> Response:
        """List the living nodes of the cluster."""
        return Json(NodeList(await _in_cluster(operations.status())))

    @routes.get("/cluster/owners")
    @needs(Scope.ADMIN)
    @answers(json(SessionOwners), refuses=(409, 422))
    async def owners(ids: Ids) -> Response:
        """Name the nodes that own sessions."""
        return Json(SessionOwners(await _in_cluster(operations.owners(ids))))

    @routes.post("/cluster/rebalance")
    @needs(Scope.ADMIN)
    @answers(json(Released), refuses=(409,))
    async def rebalance(caller: CurrentCaller) -> Response:
        """End idle agents on the nodes that have more than the mean. Turns that run do not move."""
        log.info("rebalance_requested", caller=caller.name)
        found = await _in_cluster(operations.status())
        counts = {node.name: node.agents for node in found if node.agents is not None}
        most = -(-sum(counts.values()) // max(1, len(counts)))
        released = 0
        for node in found:
            if (agents := counts.get(node.name, 0)) > most:
                released += await _release(host, node, agents - most)
        return Json(Released(released))

    @routes.delete("/cluster/nodes/{name}")
    @needs(Scope.ADMIN)
    @answers(json(NodeList), refuses=(404, 409))
    async def forget(name: str, caller: CurrentCaller) -> Response:
        """Declare a node dead that holds no lease. The answer lists the others."""
        log.info("forget_requested", caller=caller.name, node=name)
        await _in_cluster(operations.forget(name))
        return Json(NodeList(await _in_cluster(operations.status())))

    @routes.post("/drain")
    @needs(Scope.ADMIN)
    @answers(json(Draining, 202), refuses=(404, 409, 422))
    async def drain(caller: CurrentCaller, time_ms: Milliseconds = None, node: NodeName = None) -> Response:
        """Let a node accept no new turns, and hand over its agents. A turn gets the time to end first."""
        log.info("drain_requested", caller=caller.name, node=node)
        if node is not None:
            return await of_node(node, "drain", time=time_ms)
        await host.drain(time_ms)
        return Json(Draining(True), 202)

    @routes.post("/undrain")
    @needs(Scope.ADMIN)
    @answers(json(Draining), refuses=(404, 409))
    async def undrain(caller: CurrentCaller, node: NodeName = None) -> Response:
        """Let a node that drains accept new turns again."""
        log.info("undrain_requested", caller=caller.name, node=node)
        if node is not None:
            return await of_node(node, "undrain")
        await host.undrain()
        return Json(Draining(False))

    return routes


async def _release(host: Host, node: NodeStatus, count: int) -> int:
    """Let a node end up to count idle agents. Return their number."""
    if node.this:
        return await host.release(count)
    answer = await of_node(node.name, "release", count=count)
    return decode(bytes(answer.body), type=Released).released


async def _in_cluster(asked: Awaitable[T]) -> T:
    """Return what was asked. Raises Refusal."""
    try:
        return await asked
    except NotInCluster as not_in:
        raise Refusal(409, str(not_in), "not_in_cluster") from None
    except UnknownNode as unknown:
        raise Refusal(404, str(unknown), "node_not_found") from None
    except StillAlive as alive:
        raise Refusal(409, str(alive), "node_alive") from None

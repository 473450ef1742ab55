"""Reports of one node's state: the answers of the routes that take `?node=`."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

from fastapi import Query
from msgspec import Struct
from starlette.responses import Response

from actors import Caller as Calling
from actors import GenServer, Reply
from actors.observer import ProcessInfo, SystemInfo, sliced_top, system_info
from actors.slices import in_slices
from agents.cluster.node_requests import MakeReport, Report
from agents.core.text import to_json
from agents.gateway.download import pieces
from agents.gateway.errors import Refusal
from agents.gateway.guard.caller import Caller
from agents.gateway.overview import overview
from agents.instance.elsewhere import NoAnswer, UnknownNode, other_nodes
from agents.node.redaction import SECRET_PARAMETER
from agents.settings import Scope, Settings
from supervisors.tree import tree_json

JSON: Final = "application/json"
USER: Final = re.compile(r"(?<=://)[^/@]*(?=@)")
PARAMETER: Final = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]+)")
HIDDEN: Final = "**********"

if TYPE_CHECKING:
    from agents.gateway.routes.host import Host

NodeName: TypeAlias = Annotated[str | None, Query(description="the name of another node of the cluster")]


class SystemReport(Struct, frozen=True):
    """The figures of the system, and some of its processes."""

    system: SystemInfo
    processes: list[ProcessInfo]


class NodeReports:
    """The maker of this node's reports. host: as of the gateway."""

    def __init__(self, settings: Settings, host: "Host | None") -> None:
        self._settings, self._host = settings, host

    async def make(self, request: MakeReport) -> Report:
        """Make a report for another node, which has checked the rights of its client."""
        query = request.query
        match request.name:
            case "tree":
                return Report(b"".join([piece async for piece in pieces(tree_json(to_json))]), JSON)
            case "processes":
                return _json(await processes_report(query["by"], query["count"]))
            case "overview":
                caller = Caller("another node", query["user"], [Scope.ADMIN] if query["admin"] else [])
                return _json(await overview(caller, query["children"], query["by"], query["count"]))
            case "config":
                return _json(shown_settings(self._settings))
        if self._host is not None:
            try:
                return await _of_host(self._host, request)
            except Refusal as refused:
                return Report(fault=refused.message)
        return _unknown(request)


async def _of_host(host: "Host", request: MakeReport) -> Report:
    """Make a report about the program, or carry out an order to it. Raises Refusal."""
    match request.name:
        case "metrics":
            figures = await host.figures()
            return Report(figures.body, figures.media_type)
        case "drain":
            await host.drain(request.query["time"])
            return _json({"draining": True})
        case "undrain":
            await host.undrain()
            return _json({"draining": False})
        case "release":
            return _json({"released": await host.release(request.query["count"])})
    return _unknown(request)


def _unknown(request: MakeReport) -> Report:
    return Report(fault=f"expected a report that this node makes, got {request.name!r}")


class ReportServer(GenServer[Any]):
    """The process that makes reports for other nodes. State: the gateway, whose reports follow its settings."""

    def init(self, gateway: Any) -> Any:
        return gateway

    async def handle_call(self, request: MakeReport, caller: Calling, gateway: Any) -> Reply[Any]:
        return Reply(await gateway.reports.make(request), gateway)


async def of_node(node: str, name: str, **query: Any) -> Response:
    """Return another node's report. Raises Refusal."""
    nodes = await other_nodes()
    if nodes is None:
        raise Refusal(404, "node: expected no name, since this program is not a node of a cluster", "node_not_found")
    try:
        report: Report = await nodes.ask(node, MakeReport(name, query))
    except UnknownNode as unknown:
        raise Refusal(404, f"node: {unknown}", "node_not_found") from None
    except NoAnswer as none:
        raise Refusal(503, str(none)) from None
    if report.fault is not None:
        raise Refusal(503, f"node {node}: {report.fault}")
    return Response(report.body, headers={"content-type": report.media_type})


async def processes_report(by: Any, count: int) -> SystemReport:
    return SystemReport(system_info(), await in_slices(sliced_top(by, count)))


def shown_settings(settings: Settings) -> Any:
    """Return the settings as data. Secrets are stars."""
    return without_secrets(settings.model_dump(mode="json"))


def _json(data: Any) -> Report:
    return Report(to_json(data), JSON)


def without_secrets(value: Any) -> Any:
    """Return the value without passwords in addresses. pydantic hides SecretStr itself."""
    match value:
        case dict():
            return {key: without_secrets(item) for key, item in value.items()}
        case list():
            return [without_secrets(item) for item in value]
        case str():
            return PARAMETER.sub(_without_secret, USER.sub(HIDDEN, value)) if "://" in value else value
        case _:
            return value


def _without_secret(parameter: re.Match[str]) -> str:
    name = parameter[1]
    return f"{name}={HIDDEN}" if SECRET_PARAMETER.fullmatch(name) else parameter[0]

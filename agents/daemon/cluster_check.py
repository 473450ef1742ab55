"""The check of a node's place in a cluster, for `understudy doctor`."""

from typing import TYPE_CHECKING, Final

from agents.cluster.this_node import config_hash
from agents.daemon.finding import Finding, Verdict
from agents.sessions import StoreUnavailable
from agents.settings import Settings

if TYPE_CHECKING:
    from agents.sessions import Store

SUBJECT: Final = "cluster"


async def cluster_findings(settings: Settings, store: "Store") -> list[Finding]:
    """Check the server of the store, and the other nodes. Raises StoreUnavailable."""
    from agents.sessions.cluster_checks import check_server, count_synchronous
    from agents.sessions.nodes import LIVING, record

    found = []
    if store.has_server:
        try:
            await check_server(store.engine, store.deadline_s)
        except StoreUnavailable as unfit:
            return [Finding(Verdict.FAIL, SUBJECT, str(unfit))]
        if not await count_synchronous(store.engine, store.deadline_s):
            words = "no synchronous standby is connected: a standby that is promoted may lack the last records"
            found.append(Finding(Verdict.WARN, SUBJECT, words))
    nodes = [record(row) for row in await store.rows(LIVING)]
    others = ", ".join(node.name for node in nodes) or "none"
    found.append(Finding(Verdict.OK, SUBJECT, f"living nodes: {others}"))
    mine = config_hash(settings)
    for node in nodes:
        if node.config_hash != mine:
            words = f"node {node.name} has another configuration of models, tools, agents or sessions"
            found.append(Finding(Verdict.WARN, SUBJECT, words))
    return found

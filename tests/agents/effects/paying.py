"""Tools that pay by the service, in the ways that the laws of effects distinguish.

The file PORT, in the folder of the program, has the service's port: a worker process has no other way to know it.
"""

import http.client
import json
from pathlib import Path
from typing import Any

from agents import CallContext, DidNotHappen, Happened, tool
from agents.core.outcome import Outcome

PORT = "payments.port"


def ask(method: str, path: str, body: str | None = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", int(Path(PORT).read_text()), timeout=5.0)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        data = json.loads(answer.read())
    finally:
        connection.close()
    if answer.status != 200:
        raise RuntimeError(f"the service refuses: {answer.status}")
    return data


def paid(order: str) -> str:
    return f"paid {order}"


def was_paid(call: CallContext, order: str) -> Outcome:
    """Ask the service, which then refuses a payment that is still on the way."""
    return Happened(paid(order)) if ask("GET", f"/{call.key}")["happened"] else DidNotHappen()


@tool(isolation="thread", verify=was_paid)
def pays(order: str, call: CallContext) -> str:
    """Pay for an order. The service knows what it did."""
    ask("POST", f"/once/{call.key}", order)
    return paid(order)


@tool(verify=was_paid)
def pays_apart(order: str, call: CallContext) -> str:
    """Pay for an order in a worker process. The service knows what it did."""
    ask("POST", f"/once/{call.key}", order)
    return paid(order)


@tool(isolation="thread")
def pays_blindly(order: str, call: CallContext) -> str:
    """Pay for an order. Nobody can say later what happened."""
    ask("POST", f"/sure/{call.key}", order)
    return paid(order)


@tool(isolation="thread", on_unknown="run")
def pays_again(order: str, call: CallContext) -> str:
    """Pay for an order. The service answers a key that it knows as before."""
    ask("POST", f"/deduped/{call.key}", order)
    return paid(order)

"""Requests of this node to other nodes as a whole."""

from typing import Any, Final, TypeVar

from actors import CallFailed, Mailbox, Pid, call
from agents.cluster.errors import Garbage, TooLarge
from agents.cluster.link.address import PeerNode
from agents.cluster.link.link import Link
from agents.cluster.link.wire import CallAnswered, CallRefused
from agents.cluster.links import LinkTo
from agents.cluster.node_requests import THIS_NODE, NodeRequest, packed_node_request, unpacked_node_answer
from agents.instance.elsewhere import NoAnswer

ANSWER_S: Final = 5.0

T = TypeVar("T")


async def ask_node(links: Pid, peer: PeerNode, request: NodeRequest[T], timeout_s: float = ANSWER_S) -> T:
    """Return the node's answer. Raises NoAnswer."""
    box = Mailbox()
    try:
        link = await call(links, LinkTo(peer), timeout_s)
        if not isinstance(link, Link):
            raise NoAnswer(str(link))
        box.monitor(link.pid)
        link.call(THIS_NODE, packed_node_request(request), box.pid)
        return unpacked_node_answer(request, _value(peer, await box.receive(timeout_s)))
    except (Garbage, TooLarge) as error:
        raise NoAnswer(f"{peer}: {error}") from None
    except (TimeoutError, CallFailed):  # a CallTimeout is both
        raise NoAnswer(f"{peer} does not answer") from None
    finally:
        box.close()


def _value(peer: PeerNode, received: Any) -> bytes:
    match received:
        case CallAnswered(value=value):
            return value
        case CallRefused(text=text):
            raise NoAnswer(f"{peer}: {text}")
    raise NoAnswer(f"{peer}: the link ended")

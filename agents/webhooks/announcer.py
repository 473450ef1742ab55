"""The messages that an event of a stream makes for webhooks.

A message has ids, names and the text of a question. It has no other text of the conversation, unless the webhook asks
for the arguments of calls.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from actors import send, whereis
from agents.core.events import Event, StreamApprovalRequired, StreamComplete, StreamError
from agents.sessions.side_records import Delivery
from agents.settings.webhooks import WebhookEvent, WebhookSettings

WEBHOOKS: Final = "webhooks"
"""The registered name of the process that sends the messages."""
ANNOUNCED: Final = frozenset({StreamApprovalRequired, StreamComplete, StreamError})


class Announced(msgspec.Struct, frozen=True):
    """Message to the sender: a message is about to be written to the store."""


class TakeWebhooks(msgspec.Struct, frozen=True):
    """Message to the sender: these are the webhooks from now on."""

    webhooks: tuple[WebhookSettings, ...]


class WebhookTried(msgspec.Struct, frozen=True):
    """Message to the meters: an attempt to send a message. outcome: sent or failed."""

    outcome: str


def take_webhooks(webhooks: tuple[WebhookSettings, ...]) -> bool:
    """Have the sender use these webhooks. Return False if none runs."""
    if (sender := whereis(WEBHOOKS)) is None:
        return False
    send(sender, TakeWebhooks(webhooks))
    return True


def endpoint_of(url: str) -> str:
    """Return the name of an endpoint in the store: its address may be secret."""
    return sha256(url.encode()).hexdigest()[:32]


class Announcer:
    """Makes the messages about the turns of one agent."""

    def __init__(
        self, webhooks: Sequence[WebhookSettings], agent_id: str, name: str, owner: str | None, *, is_sub_agent: bool
    ) -> None:
        """Make an announcer. is_sub_agent: the ends of its turns are results of calls, and are not announced."""
        names = {agent_id, name}
        self._webhooks = [each for each in webhooks if not each.agents or not names.isdisjoint(each.agents)]
        self._place = {"session_id": agent_id, "agent": name, "owner": owner}
        self._is_sub_agent = is_sub_agent

    def __bool__(self) -> bool:
        return bool(self._webhooks)

    def deliveries(self, event: Event) -> list[Delivery]:
        """Return the messages about an event, one for each webhook that gets it. Wake the sender if there are any."""
        if type(event) not in ANNOUNCED:  # nearly every event
            return []
        kind = _kind(event)
        if kind is None or (self._is_sub_agent and kind in (WebhookEvent.COMPLETE, WebhookEvent.FAILED)):
            return []
        made = [self._delivery(each, kind, event) for each in self._webhooks if _wants(each, kind)]
        if made and (sender := whereis(WEBHOOKS)) is not None:
            send(sender, Announced())
        return made

    def _delivery(self, webhook: WebhookSettings, kind: WebhookEvent, event: Event) -> Delivery:
        at = datetime.now(UTC) if event.at is None else datetime.fromtimestamp(event.at, UTC)
        data = {"stream_id": event.stream_id, **self._place, **_about(event, arguments=webhook.arguments)}
        message = {"type": f"turn.{kind}", "timestamp": at.isoformat(), "data": data}
        about = "\n".join((webhook.url, event.stream_id, kind, data.get("call_id", ""), _moment(event)))
        id_ = f"msg_{sha256(about.encode()).hexdigest()[:32]}"
        return Delivery(id_, endpoint_of(webhook.url), msgspec.json.encode(message), at)


def _wants(webhook: WebhookSettings, kind: WebhookEvent) -> bool:
    return kind in webhook.events


def _kind(event: Event) -> WebhookEvent | None:
    match event:
        case StreamApprovalRequired(question=question):
            return WebhookEvent.APPROVAL if question is None else WebhookEvent.QUESTION
        case StreamComplete():
            return WebhookEvent.COMPLETE
        case StreamError():
            return WebhookEvent.FAILED
    return None


def _moment(event: Event) -> str:
    """Return what tells the waits of one call apart. It is the same if the call asks again after a restart."""
    return str(event.deadline) if isinstance(event, StreamApprovalRequired) else ""


def _about(event: Event, *, arguments: bool) -> dict[str, Any]:
    match event:
        case StreamApprovalRequired(call, timeout_s, question=question):
            shown = {"arguments": call.arguments} if arguments and question is None else {}
            asked = {} if question is None else {"question": question}
            return {"call_id": call.id, "name": call.name, "timeout_s": timeout_s, **asked, **shown}
        case StreamError(reason):
            return {"reason": reason.__struct_config__.tag}
    return {}

"""The process that sends the messages of webhooks.

Every node of a cluster may send a message. The store gives each attempt to one of them. An attempt that a crash cut is
repeated after LEASE_S, or at the next start of the only program, with the same id: a receiver gets each message at
least once. A message for an address that this node does not have is left to the others, since they may have read the
configuration later.

    2xx       the message is sent
    410       the endpoint wants no messages: those that wait have failed, and so have later ones until the next start,
              or the next change of the webhooks
    the rest  another attempt after a pause of PAUSES_S; redirects are not followed
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from random import uniform
from typing import Final
from urllib.parse import urlsplit

import httpx2

from actors import CallFailed, Task, pg
from actors.clock import unix_s
from actors.log import get_logger
from agents.extras import extra
from agents.sessions import JournalHandle, SessionError, open_journal
from agents.settings.webhooks import WebhookSettings, key_of
from agents.traces.requests import METERS
from agents.webhooks.announcer import Announced, TakeWebhooks, WebhookTried, endpoint_of
from agents.webhooks.signature import headers

with extra("daemon", "webhooks"):
    from agents.sessions import deliveries
    from agents.sessions.deliveries import DueDelivery

TIMEOUT_S: Final = 15.0
LEASE_S: Final = 60.0
PAUSES_S: Final = (5.0, 60.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""The pauses after failed attempts: three days in all. After the last one the sender stops."""
LONGEST_REST_S: Final = 60.0  # another node may have died with a message
AFTER_FAILURE_S: Final = 1.0
AT_ONCE: Final = 100  # messages of one look, and so of one endpoint in a row
KEPT_S: Final = 7 * 86_400.0
UNKNOWN_S: Final = 3600.0  # the other nodes have read the configuration by then
GONE: Final = 410

log = get_logger("understudy.webhooks")


class WebhookSender(Task):
    """State: the endpoints that answered with 410, and whether it has looked at the store."""

    def __init__(self, webhooks: Iterable[WebhookSettings]) -> None:
        self._webhooks = _by_endpoint(webhooks)
        self._gone = set[str]()
        self._began = False

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False) as http:
            while True:
                pause_s = AFTER_FAILURE_S
                try:
                    journal = await open_journal()
                    assert journal is not None, "expected kept sessions"
                    await journal.durable()  # messages on their way to the disk
                    pause_s = await self._look(journal, http)
                except (CallFailed, SessionError) as failed:
                    log.warning("webhooks_not_sent", reason=str(failed))
                await self._rest(pause_s)

    async def _rest(self, pause_s: float) -> None:
        """Wait for the next message to send, or for other webhooks, but not longer than this."""
        with suppress(TimeoutError):
            while True:
                match await self.receive(pause_s):
                    case Announced():
                        return
                    case TakeWebhooks(webhooks):
                        self._webhooks, self._gone = _by_endpoint(webhooks), set()
                        return

    async def _look(self, journal: JournalHandle, http: httpx2.AsyncClient) -> float:
        """Send what is due. Return the time until the next message is due."""
        store, now_s = journal.store, unix_s()
        if not self._began and store.node is None:  # in a cluster, another node may have a message now
            await deliveries.hurry(store, now_s + LEASE_S)
        self._began = True
        found = await deliveries.due(store, now_s, AT_ONCE, self._webhooks)
        by_endpoint: dict[str, list[DueDelivery]] = {}
        for each in found:
            by_endpoint.setdefault(each.endpoint, []).append(each)
        await asyncio.gather(*(self._send_all(journal, http, *each) for each in by_endpoint.items()))
        if len(found) == AT_ONCE:
            return 0.0
        await deliveries.forget(store, now_s - KEPT_S)
        await deliveries.give_up_others(store, self._webhooks, now_s - (0 if store.node is None else UNKNOWN_S))
        next_at = await deliveries.next_time(store, self._webhooks)
        return LONGEST_REST_S if next_at is None else min(LONGEST_REST_S, max(0.0, next_at - unix_s()))

    async def _send_all(
        self, journal: JournalHandle, http: httpx2.AsyncClient, endpoint: str, found: list[DueDelivery]
    ) -> None:
        """Send the messages of one endpoint in order. Endpoints do not wait for each other."""
        webhook = self._webhooks[endpoint]
        if endpoint in self._gone:
            await deliveries.give_up(journal.store, endpoint)
            return
        for each in found:
            if await deliveries.claim(journal.store, each, unix_s() + LEASE_S):
                await self._send(journal, http, webhook, each)
            if endpoint in self._gone:
                return

    async def _send(
        self, journal: JournalHandle, http: httpx2.AsyncClient, webhook: WebhookSettings, one: DueDelivery
    ) -> None:
        status = fault = None
        try:
            signed = headers(key_of(webhook.secret), one.id, int(unix_s()), one.body)
            async with http.stream("POST", webhook.url, content=one.body, headers=signed) as answer:  # no body is read
                status = answer.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as failed:
            fault = type(failed).__name__
        sent = status is not None and 200 <= status < 300
        for meter in pg.members(METERS):
            self.send(meter, WebhookTried("sent" if sent else "failed"))
        if sent:
            await deliveries.settle(journal.store, one.id, deliveries.SENT, unix_s())
            return
        given_up = status == GONE or one.attempts >= len(PAUSES_S)
        where, place = _shown(webhook.url), {"message": one.id, "attempt": one.attempts + 1}
        log.warning("webhook_failed", endpoint=where, **place, status=status, fault=fault, given_up=given_up)
        if status == GONE:
            self._gone.add(one.endpoint)
            await deliveries.give_up(journal.store, one.endpoint)
        elif given_up:
            await deliveries.settle(journal.store, one.id, deliveries.FAILED, unix_s())
        else:
            pause_s = PAUSES_S[one.attempts] * uniform(0.75, 1.25)  # noqa: S311 (jitter, no secret)
            await deliveries.settle(journal.store, one.id, deliveries.WAITING, unix_s() + pause_s)


def _by_endpoint(webhooks: Iterable[WebhookSettings]) -> dict[str, WebhookSettings]:
    return {endpoint_of(each.url): each for each in webhooks}


def _shown(url: str) -> str:
    """Return an address for the log: its path and query may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"

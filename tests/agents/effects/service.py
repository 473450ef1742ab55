"""A payment service on loopback, in an OS process of its own: it counts what took effect, by idempotency key.

    python -m tests.agents.effects.service SEED     prints its port

An effect comes some time after the request, and the answer some time after the effect, or never. A key whose payment
was asked for, and had not happened, is closed: a payment with it that is still on the way is refused.
"""

import json
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LONGEST_S = 0.06
LOST = 0.15
"""The share of answers that are lost, half of them before the effect."""


class Ledger:
    """The payments, by their keys. asked: the number of requests to pay."""

    def __init__(self, seed: int) -> None:
        self.lock = threading.Lock()
        self.random = random.Random(seed)
        self.counts: dict[str, int] = {}
        self.closed: set[str] = set()
        self.asked = 0

    def pauses(self) -> tuple[float, float, float]:
        with self.lock:
            self.asked += 1
            return self.random.uniform(0, LONGEST_S), self.random.uniform(0, LONGEST_S), self.random.random()

    def pay(self, key: str, *, dedupe: bool) -> bool:
        with self.lock:
            if key in self.closed:
                return False
            if not (dedupe and key in self.counts):
                self.counts[key] = self.counts.get(key, 0) + 1
            return True

    def happened(self, key: str) -> bool:
        with self.lock:
            if key not in self.counts:
                self.closed.add(key)
            return key in self.counts


class Handler(BaseHTTPRequestHandler):
    ledger: Ledger

    def do_POST(self) -> None:
        kind, key = self.path.strip("/").split("/")
        self.rfile.read(int(self.headers["Content-Length"]))
        before_s, after_s, chance = self.ledger.pauses()
        loses = kind == "once"
        time.sleep(before_s)
        if loses and chance < LOST / 2:
            return self._hang_up()
        paid = self.ledger.pay(key, dedupe=kind == "deduped")
        time.sleep(after_s)
        if loses and chance < LOST:
            return self._hang_up()
        return self._answer(200 if paid else 409, {"paid": paid})

    def do_GET(self) -> None:
        key = self.path.strip("/")
        if key == "counts":
            return self._answer(200, {"asked": self.ledger.asked, "counts": self.ledger.counts})
        return self._answer(200, {"happened": self.ledger.happened(key)})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name of the base class)
        """Write no log."""


class Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing about a client that was killed."""


def main() -> None:
    Handler.ledger = Ledger(int(sys.argv[1]))
    with Server(("127.0.0.1", 0), Handler) as server:
        sys.stdout.write(f"{server.server_port}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()

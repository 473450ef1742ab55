"""Frames that no node sends. Each ends its link."""

from agents.cluster.link.wire import Credit, OpenFollow, Proof, SessionCall, encoded, frame

GARBAGE: dict[str, bytes] = {
    "no bytes": b"",
    "random bytes": bytes(range(256)) * 100,
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "an array of 2^31 messages": b"\xdd\x80\x00\x00\x00",
    "a text of 2^31 bytes": b"\x91\xdb\x80\x00\x00\x00abc",
    "bytes of 2^32 - 1": b"\x91\xc6\xff\xff\xff\xff",
    "a map of 2^31": b"\x91\xdf\x80\x00\x00\x00",
    "deep nesting": b"\x91" * 100_000,
    "a truncated call": frame([encoded(SessionCall(1, "s", b"request"))])[:-3],
    "bytes after the frame": frame([encoded(SessionCall(1, "s", b"request"))]) + b"x",
    "a greeting": frame([encoded(Proof(b"mac"))]),
    "credit for nothing": frame([encoded(OpenFollow(9, "s", b"")), encoded(Credit([(9, 5)]))]),
    "an id twice": frame([encoded(OpenFollow(9, "s", b"")), encoded(OpenFollow(9, "s", b""))]),
}

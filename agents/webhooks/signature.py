"""The headers of a signed message. Source: Standard Webhooks 1.0.0, "Signature scheme", symmetric."""

import hmac
from base64 import b64encode


def headers(key: bytes, message_id: str, sent_at: int, body: bytes) -> dict[str, str]:
    """Return the headers of one attempt. sent_at: its Unix seconds. A receiver knows a repeated message by its id."""
    signed = hmac.digest(key, b".".join((message_id.encode(), str(sent_at).encode(), body)), "sha256")
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": f"v1,{b64encode(signed).decode()}",
    }

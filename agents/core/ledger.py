"""The ledger of effects: what is known of each call of a tool that is not idempotent. Pure.

    intended --about to run--> begun --> done | failed | unknown

A call that never ran ends as failed, without having begun.
"""

from hashlib import blake2b


def call_key(session_id: str, stream_id: str, model_call: int, index: int) -> str:
    """Return the idempotency key of a call, in the form of a UUID (RFC 9562, version 8).

    It follows from the call's place in its turn, so it is the same after a restart and on another node. The id of a
    call is not unique: a provider may use it again.
    """
    place = "\0".join((session_id, stream_id, str(model_call), str(index)))
    digits = blake2b(place.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

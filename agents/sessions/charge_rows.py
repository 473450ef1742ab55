"""The rows of charges and allowances."""

from math import isfinite
from typing import Any, Final

from msgspec import Raw

from agents.sessions.errors import NotData
from agents.sessions.payload import Decoder
from agents.sessions.side_records import Allowance, Charged

TEXT: Final[Decoder[str]] = Decoder(str)


def charge_row(charged: Charged) -> dict[str, Any]:
    payer, charge = charged.payer, charged.charge
    if charge.cost is not None and not isfinite(charge.cost):
        raise NotData(f"expected a cost that is finite, got {charge.cost}")
    return {
        "number": charged.number,
        "at": charged.at,
        "owner": payer.owner,
        "agent": Raw(TEXT.written(payer.agent)),
        "model": Raw(TEXT.written(charge.model)),
        "session_id": payer.session_id,
        "stream_id": payer.stream_id,
        "root_session": payer.root_session,
        "root_stream": payer.root_stream,
        "input_tokens": charge.input_tokens,
        "output_tokens": charge.output_tokens,
        "cached_tokens": charge.cached_tokens,
        "cost": charge.cost,
        "estimated": int(charge.estimated),
    }


def allowance_row(allowed: Allowance) -> dict[str, Any]:
    return {
        "number": allowed.number,
        "at": allowed.at,
        "count": Raw(TEXT.written(allowed.count)),
        "unit": allowed.unit,
        "amount": allowed.amount,
    }

"""The answer with the whole text of a tool's large result, or with a range of its bytes."""

import re
from typing import Final

from starlette.responses import Response

from agents.gateway.errors import Refusal

RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def result_response(data: bytes, asked: str | None) -> Response:
    """Return the text. asked: the header Range; one of several ranges, or of another unit, is answered with all.

    Raises Refusal for a range outside of the text. Source: RFC 9110, section 14.
    """
    headers = {"accept-ranges": "bytes", "content-disposition": "attachment"}
    match = None if asked is None else RANGE.fullmatch(asked.strip())
    if match is None or match.groups() == ("", ""):
        return Response(data, media_type="text/plain", headers=headers)
    first, last = _range(match[1], match[2], len(data))
    if first >= len(data) or last < first:
        raise Refusal(
            416, f"Range: expected a range within {len(data)} bytes, got {asked}"[:200], "range_not_satisfiable"
        )
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(data[first : last + 1], 206, media_type="text/plain", headers=headers)


def _range(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the first and the last byte. A range without a first byte is the end of the text."""
    if not first:
        return max(0, size - int(last)) if int(last) else size, size - 1
    return int(first), min(int(last), size - 1) if last else size - 1

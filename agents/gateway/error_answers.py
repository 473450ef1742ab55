"""The answers to exceptions of routes, as exception handlers of FastAPI."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agents.gateway.errors import Refusal, refusal_of
from agents.gateway.openai_api.refusals import as_asked


async def crashed(request: Request, _error: Exception) -> Response:
    """Answer a bug of the gateway with 500. FastAPI then raises the bug again."""
    refusal = as_asked(Refusal(500, "the gateway failed: the daemon's log has the reason"), request.scope)
    return Response(refusal.body, refusal.status, media_type="application/json")


async def answer(request: Request, error: Exception) -> Response:
    """Answer an expected exception."""
    refusal = as_asked(refusal_of(error), request.scope)
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if refusal.retry_after_s is not None:
        headers["retry-after"] = str(refusal.retry_after_s)
    if refusal.status == 401:
        headers["www-authenticate"] = "Bearer"
    return Response(refusal.body, refusal.status, headers, media_type="application/json")

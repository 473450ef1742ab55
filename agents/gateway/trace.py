"""The trace of a request: the spans of the turns that it begins belong to the trace of its client."""

from starlette.types import ASGIApp, Receive, Scope, Send

from agents.traces.carrier import within


class InTrace:
    """An ASGI app around another one, for admitted requests."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with within(headers):
            await self._app(scope, receive, send)

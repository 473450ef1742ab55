"""The place of a request: the host that it names, and the origin of the page that sent it."""

from typing import Final

from msgspec import Struct
from starlette.types import Scope

from agents.gateway.errors import Refusal
from agents.gateway.guard.body import header_values
from agents.gateway.guard.origin import PORTS, Allowed, Host, Origin, host_of, origin_of

PLACE: Final = "understudy.place"
"""The key of the place in the ASGI scope of an admitted request."""
FROM_OTHER_PAGES: Final = frozenset({"same-site", "cross-site"})
"""Values of Sec-Fetch-Site. A page of another port of this host is `same-site`. Source: Fetch Metadata, section 2.3."""


class Place(Struct, frozen=True):
    """The place of an admitted request.

    scheme: of the connection to the gateway. origin: None if no page sent the request, or one of the gateway's own
    reads. listed: whether allowed_origins has the origin. other_page: whether the browser reports a page of another
    origin, as it does also without the header Origin.
    """

    scheme: str
    host: Host
    origin: Origin | None
    listed: bool
    other_page: bool

    @property
    def page(self) -> Origin:
        """The origin of the sending page; without one, the gateway's own as the client sees it."""
        return self.origin or self._origin_by(self.scheme)

    @property
    def is_own(self) -> bool:
        """Whether no page of another origin sent the request.

        Behind a proxy that ends TLS, only the Origin of the gateway's own page has the client's scheme.
        """
        return self.is_of(self._origin_by(self.page.scheme))

    def is_of(self, page: Origin) -> bool:
        """Return whether a page of this origin, or no page, sent the request."""
        if self.origin is not None:
            return self.origin == page
        return not self.other_page and self._origin_by(page.scheme) == page

    def _origin_by(self, scheme: str) -> Origin:
        return Origin(scheme, self.host.name, self.host.port or PORTS[scheme])


def place_of(scope: Scope, allowed: Allowed) -> Place:
    """Return the place of a request. Raises Refusal for a Host that is not served, and an Origin that is not allowed.

    A check of Host stops DNS rebinding. Source: RFC 9110 section 7.2, 7.4; RFC 6454.
    """
    scheme = "https" if scope["scheme"] in ("https", "wss") else "http"
    our_port = (scope.get("server") or (None, None))[1]
    hosts = header_values(scope, b"host")
    host = host_of(hosts[0]) if len(hosts) == 1 else None
    if host is None:
        raise Refusal(400, f"expected one Host header with a valid host, got {len(hosts)} or an invalid host")
    if not allowed.host(host, scheme, our_port):
        got = f"{host.name} with the port {host.port or PORTS[scheme]}"
        raise Refusal(421, f"expected a Host that is served here, got {got}: see allowed_hosts in the settings")
    origins = header_values(scope, b"origin")
    origin = origin_of(origins[0]) if len(origins) == 1 else None
    if origins and (origin is None or not allowed.origin(origin, scheme, our_port)):
        got = "another text" if origin is None else str(origin)
        raise Refusal(403, f"expected no Origin or an allowed one, got {got}: see allowed_origins in the settings")
    other_page = bool(FROM_OTHER_PAGES.intersection(header_values(scope, b"sec-fetch-site")))
    return Place(scheme, host, origin, origin is not None and allowed.lists(origin), other_page)


def place_in(scope: Scope) -> Place:
    """Return the place of an admitted request."""
    place: Place = scope[PLACE]
    return place

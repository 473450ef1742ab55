"""The renewal of a login's tokens with their refresh token. Source: RFC 6749, section 6."""

from typing import Any, Final
from urllib.parse import urljoin

from msgspec.structs import replace

from agents.extras import extra

with extra("mcp", "an MCP server"):
    import httpx2
    from mcp.client.auth.oauth2 import OAuthContext
    from mcp.shared.auth import (
        OAuthClientInformationFull,
        OAuthClientMetadata,
        OAuthMetadata,
        OAuthToken,
        ProtectedResourceMetadata,
    )
    from pydantic import ValidationError

from agents.mcp.grant import MemoryStorage, error_code, http_client
from agents.mcp.spec import ServerSpec
from agents.mcp.tokens import KeptTokens, needs_login, renew_s
from agents.tools.errors import ServerDown

FINAL: Final = ("invalid_grant", "invalid_client", "unauthorized_client")
"""The errors after which only a login helps. Source: RFC 6749, section 5.2."""


async def renewed(spec: ServerSpec, held: KeptTokens) -> KeptTokens:
    """Return new tokens, or the same ones as ended. Raises ServerDown if a later renewal may succeed."""
    try:
        context, token = _context(held), OAuthToken.model_validate(held.token)
    except ValidationError:  # its text has the input, which is a secret
        raise needs_login(spec, "the file of its tokens is invalid") from None
    if token.refresh_token is None:
        return replace(held, ended="its token has ended, and can't be renewed")
    request = _request(context, token.refresh_token)
    try:
        async with http_client() as http:
            answer = await http.send(request)
            body = (await answer.aread()).decode(errors="replace")
    except httpx2.HTTPError as failed:
        raise ServerDown(spec.name, f"its token can't be renewed: no answer: {type(failed).__name__}") from None
    return replace(held, **_taken(spec, answer.status_code, body, token))


def _context(held: KeptTokens) -> OAuthContext:
    """Return the official client's context, for the parameters of the request."""
    client = OAuthClientInformationFull.model_validate(held.client)
    context = OAuthContext(held.url, OAuthClientMetadata(redirect_uris=None), MemoryStorage(client), None, None)
    context.client_info = client
    if held.issuer is not None:
        context.oauth_metadata = OAuthMetadata.model_validate(held.issuer)
    if held.resource is not None:
        context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(held.resource)
    return context


def _request(context: OAuthContext, refresh_token: str) -> httpx2.Request:
    assert context.client_info is not None
    data = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": context.client_info.client_id,
    }
    if context.should_include_resource_param():
        data["resource"] = context.get_resource_url()
    data, headers = context.prepare_token_auth(data, {})
    metadata = context.oauth_metadata
    base = context.get_authorization_base_url(context.server_url)
    address = urljoin(base, "/token") if metadata is None else str(metadata.token_endpoint)
    return httpx2.Request("POST", address, data=data, headers=headers)


def _taken(spec: ServerSpec, status: int, body: str, before: OAuthToken) -> dict[str, Any]:
    """Return the fields of the new tokens. A refresh token that is not replaced stays. Raises ServerDown."""
    if 400 <= status < 500 and (code := error_code(body)) in FINAL:
        return {"ended": f"the authorization server refuses to renew its token ({code})"}
    try:
        if status != 200:
            raise ServerDown(spec.name, f"its token can't be renewed: the answer has status {status}")
        token = OAuthToken.model_validate_json(body)
    except ValidationError:
        raise ServerDown(spec.name, "its token can't be renewed: the answer is invalid") from None
    kept = {"refresh_token": token.refresh_token or before.refresh_token, "scope": token.scope or before.scope}
    return {"token": token.model_copy(update=kept).model_dump(), "renew_s": renew_s(token.expires_in)}

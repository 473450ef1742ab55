"""The API key of a client: fixed, or from a source that may renew it."""

from typing import Final

from agents.core.errors import ApiError
from agents.llm.endpoint import MISSING_KEY, Endpoint, ProviderFailed
from agents.llm.key import KeySource, NoKey, PresentKey, usable

UNUSED: Final = "understudy-has-no-key"
"""The key of an endpoint whose headers authorize the requests, and of one whose source was not read yet."""


class Credential:
    """The present key of an endpoint.

    Raises ProviderFailed without a usable key: a 401 as from the provider, so that the next route may be tried.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        given = endpoint.key
        self._source = PresentKey(given) if isinstance(given, KeySource) else None
        self.key = UNUSED
        if isinstance(given, str) and given:
            try:
                self.key = usable(given)
            except NoKey as unusable:
                raise ProviderFailed(ApiError(401, str(unusable), "invalid_key")) from None
        elif self._source is None and not endpoint.has_own_authorization:
            raise ProviderFailed(ApiError(401, MISSING_KEY, "missing_key"))

    @property
    def changes(self) -> bool:
        return self._source is not None

    async def read(self, refused: str | None = None) -> str:
        """Return the present key. refused: the key that the provider has just refused. Raises ProviderFailed."""
        if self._source is not None:
            try:
                self.key = await self._source.read(refused)
            except NoKey as missing:
                raise ProviderFailed(ApiError(401, str(missing), "missing_key")) from missing
        return self.key

    def close(self) -> None:
        if self._source is not None:
            self._source.close()

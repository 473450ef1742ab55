"""Requests that are signed with credentials of AWS: their region, and the source of the credentials.

botocore looks for the credentials: in the environment, the files of AWS, single sign-on, or the role of the machine. It
renews those that expire. The openai client signs the requests.
"""

import os
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from agents.extras import MissingExtra, extra
from agents.llm.key import KeySource, NoKey, in_thread, usable

REGIONS: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The variables that name the region, in their order."""


class Aws(Struct, frozen=True):
    """How to sign the requests to Amazon Bedrock. region: None: that of the environment. profile: None: botocore's."""

    given_region: str | None = None
    profile: str | None = None

    @property
    def region(self) -> str | None:
        return self.given_region or next(filter(None, map(os.environ.get, REGIONS)), None)

    @property
    def url(self) -> str:
        """The address of Bedrock in the region. Without a region it is for messages only."""
        return f"https://bedrock-mantle.{self.region or 'REGION'}.api.aws/openai/v1"


class AwsCredentials(Struct, frozen=True):
    """Credentials as the openai client takes them."""

    access_key: str
    secret_key: str
    token: str | None = None

    @classmethod
    def of(cls, key: str) -> "AwsCredentials":
        """Return the credentials in a key of AwsKey. A text of one word stands for credentials not read yet."""
        access, secret, token = [*key.split(" "), key, ""][:3]
        return cls(access, secret, token or None)

    def __repr__(self) -> str:
        return "AwsCredentials(...)"


class AwsKey(KeySource):
    """The present credentials: access key, secret key and session token, as three words. The third may be empty."""

    def __init__(self, profile: str | None) -> None:
        self._profile = profile
        self._found: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AwsKey) and self._profile == other._profile

    def __hash__(self) -> int:
        return hash(self._profile)

    def secrets(self, key: str) -> Iterable[str]:
        return key.split()

    async def read(self, *, again: bool) -> str:
        try:
            key: str = await in_thread(lambda: self._read(again=again))
        except NoKey:
            raise
        except MissingExtra as missing:
            raise NoKey(str(missing)) from None
        except Exception as error:  # noqa: BLE001 - its text may have the output of a program that gives credentials
            raise NoKey(f"expected credentials of AWS, got {type(error).__name__}") from None
        return key

    def _read(self, *, again: bool) -> str:
        if self._found is None or again:
            self._found = _found(self._profile)
        if self._found is None:
            raise NoKey("expected credentials of AWS in the environment, a profile or a role, got none")
        present = self._found.get_frozen_credentials()
        words = (present.access_key, present.secret_key, present.token or "")
        if any(" " in usable(word) for word in words if word):
            raise NoKey("expected credentials of AWS without spaces, got spaces")
        return " ".join(words)


def _found(profile: str | None) -> Any:
    """Return botocore's credentials, which it renews, or None. The search may read files and ask the network."""
    with extra("bedrock", "a request signed with credentials of AWS"):
        from botocore.session import Session  # 0.2 s, for the few endpoints that need it
    return Session(profile=profile).get_credentials()


def require_botocore() -> None:
    """Raises MissingExtra if the library that finds the credentials is not installed."""
    with extra("bedrock", "a request signed with credentials of AWS"):
        import botocore  # noqa: F401

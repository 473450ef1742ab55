"""The user of a token: every token is compared, and a token is read only from its header."""

import hmac

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agents.gateway.guard.tokens import Tokens
from agents.settings import Scope, TokenSettings
from tests.agents.gateway.site import TOKEN
from tests.agents.gateway.users import ANN, house

SECRETS = st.text("abAB01_-", min_size=43, max_size=50)


def of(secrets: list[str]) -> tuple[TokenSettings, ...]:
    return tuple(
        TokenSettings(name=str(number), user=f"u{number}", scopes=(Scope.READ,), token=SecretStr(secret))
        for number, secret in enumerate(secrets)
    )


@given(st.lists(SECRETS, unique=True, max_size=6), SECRETS, st.data())
def test_a_token_stands_for_its_user_and_other_text_for_no_user(
    secrets: list[str], other: str, data: st.DataObject
) -> None:
    tokens = Tokens(TOKEN)
    tokens.take(of(secrets))
    for number, secret in enumerate(secrets):
        caller = tokens.caller(secret)
        assert caller is not None
        assert (caller.name, caller.user, caller.scopes) == (str(number), f"u{number}", frozenset({Scope.READ}))
    own = tokens.caller(TOKEN)
    assert own is not None
    assert (own.user, own.scopes) == (None, frozenset(Scope))
    if other not in secrets:
        assert tokens.caller(other) is None
    for secret in (TOKEN, *secrets):
        cut = data.draw(st.integers(0, len(secret) - 1))
        near = secret[:cut] + data.draw(st.sampled_from("\xff é"))
        assert tokens.caller(near) is None


@pytest.mark.parametrize("given_token", ["first" * 10, "last-" * 10, TOKEN, "none-" * 10])
def test_every_token_is_compared_whichever_matches(monkeypatch: pytest.MonkeyPatch, given_token: str) -> None:
    tokens = Tokens(TOKEN)
    tokens.take(of(["first" * 10, "other" * 10, "last-" * 10]))
    compared: list[bytes] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    tokens.caller(given_token)
    assert len(compared) == 4


async def test_a_users_token_is_read_only_from_its_header() -> None:
    secret = ANN.token.get_secret_value()
    async with house([ANN]) as of_ann, aiohttp.ClientSession() as stranger:
        url = of_ann.site.url
        for token in (secret, TOKEN):
            for where in (f"/agents?token={token}", f"/agents?access_token={token}&authorization=Bearer%20{token}"):
                async with stranger.get(url + where) as response:
                    assert response.status == 401
            for name in ("token", "authorization", "session", "access_token"):
                async with stranger.get(f"{url}/agents", headers={"cookie": f"{name}={token}"}) as response:
                    assert response.status == 401
                    assert "set-cookie" not in response.headers
        async with of_ann.client(ANN) as ann, ann.http.get(f"{url}/agents") as response:
            assert response.status == 200
            assert "set-cookie" not in response.headers


async def test_wrong_tokens_do_not_lock_a_user_out() -> None:
    async with house([ANN]) as of_ann, of_ann.client(ANN) as ann:
        wrong = {"authorization": "Bearer " + "w" * 43}
        statuses = {(await ann.json("GET", "/agents", headers=wrong))[0] for _ in range(30)}
        assert statuses == {401, 429}
        assert (await ann.json("GET", "/agents"))[0] == 200

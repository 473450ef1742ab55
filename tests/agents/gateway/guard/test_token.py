"""The token's file, and the token itself."""

import os
import stat
from pathlib import Path

import pytest

from agents.gateway import InvalidToken, token_of
from agents.gateway.guard.token import WrongTokens


def test_a_new_token_has_256_bits_and_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "state" / "token"
    token = token_of(path)
    assert len(token) == 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert token_of(path) == token
    assert token_of(tmp_path / "other") != token
    assert [each.name for each in path.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "token"
    token_of(path)
    path.chmod(mode)
    with pytest.raises(InvalidToken, match=f"expected mode 0600, got {mode:04o}"):
        token_of(path)


@pytest.mark.parametrize("text", ["", "short", "x" * 42, "two words of which none is any good, however long it is"])
def test_a_file_without_a_token_is_refused_and_its_content_stays_hidden(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(InvalidToken, match="at least 43") as raised:
        token_of(path)
    assert not text or text not in str(raised.value)


def test_a_link_is_refused(tmp_path: Path) -> None:
    token_of(tmp_path / "token")
    (tmp_path / "link").symlink_to(tmp_path / "token")
    with pytest.raises(InvalidToken):
        token_of(tmp_path / "link")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidToken):
        token_of(tmp_path)


def test_a_token_that_the_user_made_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("k" * 60 + "\n")
    os.chmod(path, 0o600)
    assert token_of(path) == "k" * 60


def test_an_address_can_send_ten_wrong_tokens_a_second() -> None:
    now_s = 0.0
    wrong = WrongTokens(lambda: now_s)
    assert [wrong.too_many("a") for _ in range(12)] == [False] * 10 + [True] * 2
    assert not wrong.too_many("b")
    now_s = 0.15
    assert [wrong.too_many("a") for _ in range(2)] == [False, True]
    now_s = 60.0
    assert [wrong.too_many("a") for _ in range(11)] == [False] * 10 + [True]

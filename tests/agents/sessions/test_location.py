"""The file that a SQLite URL names: the intended one, or a refusal that says what is unclear."""

from pathlib import Path

import pytest

from agents.sessions import Store, StoreUnavailable, store_url


@pytest.mark.parametrize("folder", ["a b", "a%20b", "a#b", "a&b=c", "a+b", "a%b", "ä", "a;b", "file:a", "100%"])
async def test_a_folder_is_named_literally(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    store = await Store.open(f"sqlite:///{tmp_path}/{folder}/s.db")
    await store.close()
    assert [each.name for each in tmp_path.iterdir()] == [folder]
    assert (tmp_path / folder / "s.db").is_file()


@pytest.mark.parametrize(("folder", "written"), [("a b", "a%20b"), ("a?b", "a%3Fb"), ("ä", "%C3%A4")])
async def test_an_escape_is_decoded_if_only_the_decoded_folder_exists(
    tmp_path: Path, folder: str, written: str
) -> None:
    (tmp_path / folder).mkdir()
    store = await Store.open(f"sqlite:///{tmp_path}/{written}/s.db")
    await store.close()
    assert (tmp_path / folder / "s.db").is_file()


def test_a_relative_file_is_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert store_url("sqlite:///s.db").database == str(tmp_path / "s.db")


@pytest.mark.parametrize(
    "written",
    ["a?b/s.db", "s.db?mode=ro", "a%20b/s.db", "s%20t.db", ":memory:", "", "a\0b/s.db"],
)
async def test_an_unclear_url_is_refused_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreUnavailable, match=r"^[^\n]+$"):
        await Store.open(f"sqlite:///{written}")
    assert list(tmp_path.iterdir()) == []


def test_two_folders_that_a_url_may_mean_are_both_named(tmp_path: Path) -> None:
    for name in ("a b", "a%20b"):
        (tmp_path / name).mkdir()
    with pytest.raises(StoreUnavailable, match=r"a%20b/s.db', which may also be .*a b/s.db'"):
        store_url(f"sqlite:///{tmp_path}/a%20b/s.db")

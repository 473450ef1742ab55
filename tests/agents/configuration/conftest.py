"""Configuration files in a temporary folder, and their settings or faults."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from agents.configuration import InvalidConfiguration, Loaded, load

Loader = Callable[..., Loaded]
Refusal = Callable[..., list[str]]


@pytest.fixture
def loading(tmp_path: Path) -> Loader:
    """Return loading(text of sys.config, environment, flags, other=text of other.config)."""

    def loading(
        text: str, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None, **others: str
    ) -> Loaded:
        for name, content in {"sys": text, **others}.items():
            (tmp_path / f"{name}.config").write_text(content, encoding="utf-8")
        return load(tmp_path / "sys.config", environ or {}, flags)

    return loading


@pytest.fixture
def refusal(loading: Loader, tmp_path: Path) -> Refusal:
    """Return a function like loading for an invalid file: it returns the lines of the faults, without the folder."""

    def refusal(
        text: str, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None, **others: str
    ) -> list[str]:
        with pytest.raises(InvalidConfiguration) as refused:
            loading(text, environ, flags, **others)
        return str(refused.value).replace(f"{tmp_path}/", "").splitlines()

    return refusal

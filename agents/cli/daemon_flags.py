"""The options of `serve` and `doctor`: the configuration of a daemon, and single settings of it."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from agents.cli.config import settings_option
from agents.configuration import found

KEYS: Final = {"host": "gateway.host", "port": "gateway.port", "state_dir": "daemon.state_dir"}
"""The settings that have an option of their own."""


def daemon_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Add --config, --host, --port, --state-dir and --set. The command gets the file, and the settings of all flags.

    Other options of the command are passed on.
    """

    @click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration file. Default: the one in UNDERSTUDY_CONFIG, else ~/.config/understudy/sys.config.",
    )
    @click.option("--host", metavar="ADDRESS", help="The address to listen on (gateway.host).")
    @click.option("--port", metavar="PORT", help="The port to listen on; 0 chooses a free one (gateway.port).")
    @click.option(
        "--state-dir",
        type=click.UNPROCESSED,
        metavar="DIR",
        help="The folder for the token, the lock and the sessions (daemon.state_dir).",
    )
    @settings_option
    @wraps(command)
    def with_flags(file: Path | None, flags: dict[str, str], **given: Any) -> None:
        own = {key: value for name, key in KEYS.items() if (value := given.pop(name)) is not None}
        command(file or found(os.environ), flags | own, **given)

    return with_flags

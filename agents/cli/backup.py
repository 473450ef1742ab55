"""`understudy backup` and `understudy restore`: the store of this machine's daemon, in one file."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agents.cli.exit_codes import ExitCode
from agents.cli.printing import complain, say
from agents.cli.refusal import fail
from agents.cli.sessions.place import settings_of, store_options
from agents.cli.view.printable import one_line
from agents.daemon.errors import CannotStart
from agents.daemon.lock import locked
from agents.daemon.state_dir import state_dir as daemons_folder
from agents.sessions import SessionError
from agents.settings import Settings

if TYPE_CHECKING:
    from agents.sessions.backup.archive import Manifest

STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The daemon's state directory. Default: the one of the configuration.",
)
NEW_FILE = click.argument("backup", metavar="FILE", type=click.Path(path_type=Path))
OLD_FILE = click.argument("backup", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.command("backup")
@NEW_FILE
@STATE_DIR
@store_options
def backup_command(backup: Path, **options: Any) -> None:
    """Write the sessions of the store to the new file FILE, also while the daemon runs.

    Run the command on the daemon's machine: it reads the store that the configuration names. Configuration and tokens
    are not part of a backup.
    """
    from agents.sessions import store_url  # SQLAlchemy is slow to import
    from agents.sessions.backup.taking import back_up

    settings, url = _place(**options)
    try:
        manifest = back_up(store_url(url, settings.daemon.state_dir), backup)
    except SessionError as error:
        sys.exit(fail(error))
    say(one_line(f"{backup}: {_content(manifest)}, {backup.stat().st_size / 1024:.0f} KiB"))
    _warn(manifest)


@click.command("restore")
@OLD_FILE
@STATE_DIR
@store_options
def restore_command(backup: Path, **options: Any) -> None:
    """Restore the backup FILE as the store of a daemon that does not run and has no store.

    The backup is checked first. One of an older version is migrated, and one of a newer version is refused.
    """
    settings, url = _place(**options)
    try:
        with locked(daemons_folder(settings).lock):
            manifest = asyncio.run(_restored(settings, url, backup))
    except (CannotStart, SessionError) as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    say(f"restored: {_content(manifest)}")
    _warn(manifest)


async def _restored(settings: Settings, url: str | None, file: Path) -> "Manifest":
    from agents.sessions import store_url
    from agents.sessions.backup.restoring import restore

    return await restore(store_url(url, settings.daemon.state_dir), file)


def _place(file: Path | None, state_dir: Path | None, store: str | None) -> tuple[Settings, str | None]:
    settings = settings_of(file, state_dir)
    return settings, store or settings.sessions.url


def _content(manifest: "Manifest") -> str:
    return f"sessions: {manifest.sessions}, parts: {manifest.parts}"


def _warn(manifest: "Manifest") -> None:
    if manifest.missing:
        complain(f"understudy: the store lacks {len(manifest.missing)} parts that its messages name")

"""Log events with fields, through the standard library's logging, so that the host decides where they go."""

import logging
from typing import Any, Final, cast

import structlog
from structlog.stdlib import BoundLogger
from structlog.typing import EventDict


def get_logger(name: str) -> BoundLogger:
    """Return a logger for events with fields: `log.info("child_restarted", child=...)`.

    The standard logger `name` gets each event as key=value pairs, with its level and handlers. The attribute `fields`
    of the record has the fields, for a host that renders them in its own way.
    """
    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            logging.getLogger(name),
            processors=[structlog.stdlib.filter_by_level, _rendered],
            wrapper_class=BoundLogger,
        ),
    )


def _rendered(logger: Any, method: str, event: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    return (_RENDER(logger, method, dict(event)),), {"extra": {"fields": event}}


_RENDER: Final = structlog.processors.KeyValueRenderer(key_order=["event"])

log = get_logger("understudy.actors")

"""Log events with fields, through the standard library's logging: the host decides where they go."""

import logging
from typing import cast

import structlog
from structlog.stdlib import BoundLogger


def get_logger(name: str) -> BoundLogger:
    """A logger whose events are past-tense noun phrases with fields: `log.info("child_restarted", child=...)`.

    Rendered as key=value pairs on the standard logger `name`, with its level and handlers.
    """
    return cast(
        "BoundLogger",
        structlog.wrap_logger(
            logging.getLogger(name),
            processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer(key_order=["event"])],
            wrapper_class=BoundLogger,
        ),
    )


log = get_logger("understudy.actors")

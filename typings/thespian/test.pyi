# Thespian's own suite: what tests/thespian_suite asks of it.

from collections.abc import Callable

actor_system_unsupported: Callable[..., None]

# The base that tests/thespian_suite replaces.

from typing import Any

ActorSystemBase: Any

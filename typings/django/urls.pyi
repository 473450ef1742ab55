from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase

def path(route: str, view: Callable[..., HttpResponseBase]) -> Any: ...

from collections.abc import Iterable, Mapping
from typing import Any

class HttpRequest:
    GET: Mapping[str, str]

class HttpResponseBase: ...

class JsonResponse(HttpResponseBase):
    def __init__(self, data: Any) -> None: ...

class StreamingHttpResponse(HttpResponseBase):
    def __init__(self, streaming_content: Iterable[str], *, content_type: str) -> None: ...

"""A client of server-sent events that costs next to nothing: it counts them.

python -m benchmarks.sse_client PORT PATH BODY [MARK]    # POST; prints the seconds from the request to the end, and the
events. MARK: the text at the begin of an event's counted line; "id: " without it
"""

import socket
import sys
import time
from typing import Final

TOKEN: Final = "t" * 43
END: Final = b"0\r\n\r\n"  # of a chunked answer


def read(port: int, path: str, body: str, mark: bytes = b"id: ") -> tuple[float, int]:
    head = (
        f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port)) as connection:
        begun_s = time.perf_counter()
        connection.sendall((head + body).encode())
        events, tail = 0, b""
        while tail != END:
            data = connection.recv(2**18)
            if not data:
                raise ConnectionError("the answer ended before its end")
            events += data.count(b"\n" + mark) + data.startswith(mark)
            tail = (tail + data)[-len(END) :]
        return time.perf_counter() - begun_s, events


if __name__ == "__main__":
    print(*read(int(sys.argv[1]), sys.argv[2], sys.argv[3], *(mark.encode() for mark in sys.argv[4:])))

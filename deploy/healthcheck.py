"""Exit with 0 if the daemon accepts new turns, else with 1 and one line. It needs only the standard library.

python healthcheck.py [URL [TOKEN_FILE]]
"""

import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

URL = "http://127.0.0.1:8765"
TOKEN_FILE = "/run/secrets/token"  # noqa: S105 (a path)
TIMEOUT_S = 4.0


def main(url: str = URL, token_file: str = TOKEN_FILE) -> int:
    try:
        headers = {"authorization": f"Bearer {Path(token_file).read_text().strip()}"}
        with urlopen(Request(f"{url}/readyz", headers=headers), timeout=TIMEOUT_S):
            return 0
    except (URLError, OSError) as error:  # also an answer such as 503
        print(f"not ready: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

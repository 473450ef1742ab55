"""An MCP server without any library, which does what no library lets a server do.

    python rude.py [TOOL ...]

The tool that is called decides what happens; `echo` answers.
"""

import json
import os
import subprocess
import sys
from typing import Any


def send(message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(number: Any, text: str) -> None:
    send({"id": number, "result": {"content": [{"type": "text", "text": text}]}})


def called(number: Any, name: str, given: dict[str, Any]) -> None:
    match name:
        case "silent":
            return
        case "hangs":
            with open(given["begun"], "w") as begun:
                begun.write(str(os.getpid()))
            return
        case "dies":
            os._exit(3)
        case "leaves_a_child":  # which holds stdout
            subprocess.Popen(["sleep", "60"])
            os._exit(3)
        case "garbles":
            os.write(1, b'Loading...\n{"jsonrpc": \n\xff\xfe\x00\n\n[1, 2]\n"text"\n')
        case "never_ends_its_line":
            while True:
                os.write(1, b"x" * 65536)
        case "floods":
            line = b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n'
            os.write(1, line * given["count"])
        case "complains":
            os.write(2, b"out of memory\n" * given.get("count", 1))
        case "spawns":  # and says its own pid, and the child's
            child = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            given = {"text": f"{os.getpid()} {child.pid}"}
    answer(number, given.get("text", name))


def main(tools: list[str]) -> None:
    for line in sys.stdin:
        match json.loads(line):
            case {"method": "initialize", "id": number}:
                about = {"name": "rude", "version": "1"}
                capabilities = {"tools": {"listChanged": True}}
                result = {"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": about}
                send({"id": number, "result": result})
            case {"method": "tools/list", "id": number}:
                schema = {"type": "object"}
                send({"id": number, "result": {"tools": [{"name": name, "inputSchema": schema} for name in tools]}})
            case {"method": "notifications/cancelled", "params": {"reason": reason}} if "CANCELLED" in os.environ:
                with open(os.environ["CANCELLED"], "w") as cancelled:
                    cancelled.write(str(reason))
            case {"method": "tools/call", "id": number, "params": params}:
                called(number, params["name"], params.get("arguments", {}))


if __name__ == "__main__":
    main(sys.argv[1:])

"""Walks over all leases of a running server, a page at a time.

python leases_by_command.py /run/kea/kea4-ctrl-socket
"""

import json
import socket
import sys
from collections.abc import Iterator
from typing import Any


def ask(path: str, command: str, **arguments: Any) -> dict[str, Any]:
    """Sends one command; its answer."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        server.sendall(json.dumps({"command": command, "arguments": arguments}).encode())
        answer: dict[str, Any] = json.loads(b"".join(iter(lambda: server.recv(65536), b"")))
        return answer


def all_leases(path: str, size: int = 1000) -> Iterator[dict[str, Any]]:
    """Every lease, in order of the addresses."""
    last = "start"
    while True:
        answer = ask(path, "lease4-get-page", **{"from": last, "limit": size})
        if answer["result"] == 3:  # there is none behind the last one
            return
        if answer["result"] != 0:
            raise RuntimeError(answer["text"])
        yield from answer["arguments"]["leases"]
        last = answer["arguments"]["leases"][-1]["ip-address"]


if __name__ == "__main__":
    for lease in all_leases(sys.argv[1]):
        print(lease["ip-address"], lease["hw-address"], lease["hostname"])

"""A server's process with a unix and an HTTP control socket, and whatever commands there are."""

import http.client
import json
import os
import pkgutil
import socket
import subprocess
import sys
import time

from dhcpkit.hooks import loading
from dhcpkit.hooks.loading import find_library

PATIENCE = 20.0


def command_libraries(family):
    """Kea's libraries of commands that are there, as a configuration names them."""
    names = sorted(found.name for found in pkgutil.iter_modules(loading.libraries.__path__))
    return [
        {"library": f"libdhcp_{name}.so"}
        for name in names
        if name.endswith("_cmds") and f"dhcp{family}" in find_library(f"libdhcp_{name}.so").servers
    ]


class Living:
    """A server and its two sockets. Everything it may write is in `folder / "inside"`."""

    def __init__(self, folder, family, **more):
        self.family, self.folder, self.inside = family, folder, folder / "inside"
        self.inside.mkdir()
        self.unix, self.file = self.inside / "control", self.inside / f"kea-dhcp{family}.conf"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        prefix = "192.0.2.0/24" if family == 4 else "2001:db8:1::/64"
        pool = "192.0.2.10-192.0.2.99" if family == 4 else "2001:db8:1::10-2001:db8:1::99"
        self.config = {
            "interfaces-config": {"interfaces": ["lo/127.0.0.1" if family == 4 else "lo/::1"]},
            "lease-database": {"type": "memfile", "name": str(self.inside / "leases.csv"), "lfc-interval": 0},
            "control-sockets": [
                {"socket-type": "unix", "socket-name": str(self.unix)},
                {"socket-type": "http", "socket-address": "127.0.0.1", "socket-port": self.port},
            ],
            "hooks-libraries": command_libraries(family),
            "valid-lifetime": 4000,
            f"subnet{family}": [{"id": 1, "subnet": prefix, "pools": [{"pool": pool}]}],
            "loggers": [{"name": f"kea-dhcp{family}", "severity": "WARN", "output-options": [{"output": "stdout"}]}],
            **more,
        }
        if family == 4:
            self.config["interfaces-config"]["dhcp-socket-type"] = "udp"
        else:
            self.config["server-id"] = {"type": "LL", "persist": False, "identifier": "020000000001", "htype": 1}
        self.file.write_text(json.dumps({f"Dhcp{family}": self.config}))
        main = "main" if family == 4 else "main6"
        program = f"from dhcpkit.server.main import {main} as main; main()"
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, "-c", str(self.file), "-p", "19068" if family == 4 else "19548"],
                stdout=log,
                stderr=log,
                cwd=self.inside,
                env={**os.environ, "KEA_PIDFILE_DIR": str(self.inside), "KEA_DHCP_DATA_DIR": str(self.inside)},
            )
        end = time.monotonic() + PATIENCE
        while not self._listens():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def _listens(self):
        with socket.socket() as probe:
            return self.unix.exists() and probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def over_unix(self, octets):
        """The answer to octets, None where the server waits for more."""
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(PATIENCE)
            caller.connect(str(self.unix))
            caller.sendall(octets)
            caller.shutdown(socket.SHUT_WR)
            answer = b""
            while more := caller.recv(65536):
                answer += more
        return json.loads(answer) if answer else None

    def over_http(self, octets):
        """Status and answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/", octets, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def ask(self, command, arguments=None):
        request = {"command": command} | ({} if arguments is None else {"arguments": arguments})
        return self.over_unix(json.dumps(request).encode())

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class LivingAgent:
    """The control agent in front of a server."""

    def __init__(self, living):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = living.folder / "agent-log"
        self.file = living.inside / "kea-ctrl-agent.conf"
        sockets = {f"dhcp{living.family}": {"socket-type": "unix", "socket-name": str(living.unix)}}
        config = {"http-host": "127.0.0.1", "http-port": self.port, "control-sockets": sockets}
        self.file.write_text(json.dumps({"Control-agent": config}))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from dhcpkit.server.agent import main; main()", "-c", str(self.file)],
                stdout=log,
                stderr=log,
                env={**os.environ, "KEA_PIDFILE_DIR": str(living.inside)},
            )
        self.url = f"http://127.0.0.1:{self.port}/"
        end = time.monotonic() + PATIENCE
        while "CTRL_AGENT_STARTED" not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

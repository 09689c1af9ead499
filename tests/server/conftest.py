"""A link between two network namespaces, for tests with real sockets and real clients. Needs root."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
SERVER_ADDRESS, SERVER_MAC, CLIENT_MAC = "10.77.0.1", "02:00:00:00:00:01", "02:00:00:00:00:10"
PATIENCE = 20.0  # seconds a test waits for what must happen; it decides nothing but when to give up


def call(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True, env={**os.environ, "PATH": PATH})


class Link:
    """`s` and `c` are namespaces with an eth0 each, joined by a cable; the server's has an address."""

    def __init__(self, name):
        self.names = {"s": f"{name}s", "c": f"{name}c"}
        self.processes = []

    def up(self):
        for name in self.names.values():
            call("ip", "netns", "add", name)
            call("ip", "-n", name, "link", "set", "lo", "up")
        for where in self.names:  # link-local addresses can be used at once
            self.sysctl(where, "net/ipv6/conf/default/accept_dad", 0)
        server, client = self.names["s"], self.names["c"]
        call(
            *("ip", "link", "add", "eth0", "netns", server, "address", SERVER_MAC, "type", "veth"),
            *("peer", "name", "eth0", "netns", client, "address", CLIENT_MAC),
        )
        call("ip", "-n", server, "addr", "add", f"{SERVER_ADDRESS}/16", "dev", "eth0")
        for name in self.names.values():
            call("ip", "-n", name, "link", "set", "eth0", "up")

    def down(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for name in self.names.values():
            call("ip", "netns", "del", name, check=False)

    def sysctl(self, where, name, value):
        self.run(where, "sh", "-c", f"echo {value} > /proc/sys/{name}")

    def ip(self, where, *words):
        return call("ip", "-n", self.names[where], *words)

    def wait_link_local(self):
        """Waits until both ends have their link-local addresses: the kernel takes its time once a link is up."""

        for where in self.names:
            self.wait_address(where, "eth0")

    def wait_address(self, where, interface):
        """Waits for the link-local address of an interface."""

        def there():
            told = self.ip(where, "-6", "addr", "show", "dev", interface).stdout
            return "fe80::" in told and "tentative" not in told

        wait_for("link-local addresses", there)

    def run(self, where, *words, check=True):
        return call("ip", "netns", "exec", self.names[where], *words, check=check)

    def python(self, where, code, *arguments):
        """Runs Python code in a namespace; what it prints."""
        return self.run(where, sys.executable, "-c", code, *arguments).stdout

    def start(self, where, *words, log, env=None):
        with Path(log).open("ab") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.names[where], *words],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PATH": PATH, **(env or {})},
            )
        self.processes.append(process)
        return process


def wait_for(what, condition, process=None, log=None):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        if process is not None and process.poll() is not None:
            pytest.fail(f"{what}: the process ended with {process.returncode}: {Path(log).read_text()[-2000:]}")
        time.sleep(0.05)
    return pytest.fail(f"{what}: it did not happen. {Path(log).read_text()[-2000:] if log else ''}")


class Running:
    """The program under Kea's name in the server's namespace, with a configuration file."""

    family, main = 4, "main"

    def __init__(self, link, folder):
        self.link, self.folder = link, folder
        self.config, self.log = folder / "kea.conf", folder / "server.log"
        self.leases = folder / f"leases{self.family}.csv"
        self.process = None
        self.settings = self.defaults()

    def defaults(self):
        return self._common() | {
            "valid-lifetime": 3600,
            "subnet4": [
                {
                    "id": 1,
                    "subnet": "10.77.0.0/16",
                    "pools": [{"pool": "10.77.1.0 - 10.77.1.255"}],
                    "option-data": [{"name": "routers", "data": "10.77.0.1"}],
                }
            ],
        }

    def _common(self):
        return {
            "interfaces-config": {"interfaces": ["eth0"]},
            "lease-database": {"type": "memfile", "name": str(self.leases), "lfc-interval": 0},
            "loggers": [
                {"name": f"kea-dhcp{self.family}", "severity": "INFO", "output-options": [{"output": "stdout"}]}
            ],
        }

    def write(self, **changes):
        self.config.write_text(json.dumps({f"Dhcp{self.family}": {**self.settings, **changes}}))

    def start(self, *switches, wait=None):
        wait = f"DHCP{self.family}_STARTED" if wait is None else wait
        if not self.config.exists():
            self.write()
        env = {"KEA_PIDFILE_DIR": str(self.folder), "KEA_LOCKFILE_DIR": "none", "KEA_LOGGER_DESTINATION": "stdout"}
        env["KEA_DHCP_DATA_DIR"] = str(self.folder)
        imported = f"from dhcpkit.server.main import {self.main}; {self.main}()"
        code = f"import sys; sys.argv[0] = 'kea-dhcp{self.family}'; {imported}"
        words = (sys.executable, "-c", code, "-c", str(self.config), *switches)
        self.process = self.link.start("s", *words, log=self.log, env=env)
        if wait:
            self.wait_log(wait)
        return self.process

    def text(self):
        return self.log.read_text() if self.log.exists() else ""

    def wait_log(self, words, count=1):
        def seen():
            return self.text().count(words) >= count

        return wait_for(words, seen, self.process, self.log)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def rows(self):
        """The lease file's last row of each address."""
        lines = self.leases.read_text().splitlines()
        names = lines[0].split(",")
        rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:] if line]
        return {row["address"]: row for row in rows}


class Running6(Running):
    """The same of DHCPv6."""

    family, main = 6, "main6"

    def defaults(self):
        return self._common() | {
            "valid-lifetime": 4000,
            "preferred-lifetime": 3000,
            "subnet6": [
                {
                    "id": 1,
                    "subnet": "2001:db8:77::/64",
                    "interface": "eth0",
                    "pools": [{"pool": "2001:db8:77::1:0 - 2001:db8:77::1:ffff"}],
                    "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56}],
                    "option-data": [{"name": "dns-servers", "data": "2001:db8:77::53"}],
                }
            ],
        }


@pytest.fixture
def link():
    """A fresh link; gone afterwards with everything that runs on it."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if shutil.which("ip", path=PATH) is None:
        pytest.skip("needs ip")
    made = Link(f"dhcpkit-{os.getpid()}-")
    try:
        made.up()
    except subprocess.CalledProcessError as error:
        made.down()
        pytest.skip(f"needs network namespaces: {error.stderr}")
    yield made
    made.down()


@pytest.fixture
def running(link, tmp_path):
    """The server program on the link, not yet started."""
    return Running(link, tmp_path)


@pytest.fixture
def running6(link, tmp_path):
    """The DHCPv6 server program on the link, not yet started."""
    link.wait_link_local()
    return Running6(link, tmp_path)

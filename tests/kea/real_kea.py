"""Real Kea in a namespace of its own, and sockets of a relay agent opposite. Needs root.

One process serves many exchanges. Behind every message goes a probe that is always answered: Kea works in order, so
where the probe's answer comes and nothing else, Kea was silent. That way no time decides.
"""

import contextlib
import ctypes
import json
import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
ROOT = os.environ.get("DHCPKIT_KEA_ROOT", "")  # a root file system with another Kea, instead of the system's
DEBUG = os.environ.get("DHCPKIT_KEA_LOG", "")  # a folder to keep configurations and talkative logs in
PATIENCE = 20.0  # seconds; decides nothing but when to give up
GRACE = 0.3  # seconds that an answer may come behind the probe's, should the kernel turn the two around
CLONE_NEWNET = 0x40000000
IP_PKTINFO, IPV6_RECVPKTINFO = 8, 49
SERVER4, AGENT4, CLIENTS4 = "192.0.2.1", "192.0.2.2", "10.0.0.0/8"
SERVER6, AGENT6 = "2001:db8:ffff::1", "2001:db8:ffff::2"
DNS_PORT = 53001  # of the DDNS server, which Kea tells of names
DATAGRAM_MAX = 65535


def call(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True, env={**os.environ, "PATH": PATH})


def program(family):
    """Where kea-dhcp4 or kea-dhcp6 is, and what it takes to run it; None where there is none."""
    name = f"kea-dhcp{family}"
    if ROOT:
        return _in_root(name) if (Path(ROOT) / "usr/sbin" / name).exists() else None
    found = shutil.which(name, path=PATH)
    return [found] if found else None


def _in_root(name):
    """A program of another root file system, with this one's /tmp, in a mount namespace of its own."""
    script = (
        'root=$1; shift; mkdir -p "$root/tmp" "$root/run/kea"; mount --rbind /tmp "$root/tmp"; '
        'mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"; exec chroot "$root" "$@"'
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", ROOT, f"/usr/sbin/{name}"]


def version(family):
    """Of the Kea that is there, as numbers."""
    words = program(family)
    return tuple(int(part) for part in call(*words, "-v").stdout.strip().split("-")[0].split("."))


def can(family, world):
    """Whether the Kea that is there knows what a world has."""
    return not world.modern or (program(family) is not None and version(family) >= (3,))


class Place:
    """Two namespaces with a cable between: Kea's, and the relay agents' and clients', who have all other addresses."""

    def __init__(self, name):
        self.server, self.agent = f"{name}s", f"{name}c"

    def up(self):
        for name in (self.server, self.agent):
            call("ip", "netns", "add", name)
            call("ip", "-n", name, "link", "set", "lo", "up")
        call(
            *("ip", "link", "add", "eth0", "netns", self.server, "address", "02:00:00:00:00:fe", "type", "veth"),
            *("peer", "name", "eth0", "netns", self.agent, "address", "02:00:00:00:00:fd"),
        )
        for name, four, six in ((self.server, SERVER4, SERVER6), (self.agent, AGENT4, AGENT6)):
            call("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
            call("ip", "-n", name, "addr", "add", f"{four}/24", "dev", "eth0")
            call("ip", "-n", name, "addr", "add", f"{six}/64", "dev", "eth0", "nodad")
            call("ip", "-n", name, "link", "set", "eth0", "up")
        call("ip", "-n", self.server, "route", "add", CLIENTS4, "via", AGENT4)
        call("ip", "-n", self.agent, "route", "add", "local", CLIENTS4, "dev", "lo")

    def down(self):
        for name in (self.server, self.agent):
            call("ip", "netns", "del", name, check=False)

    def inside(self, name, make):
        """What `make()` returns, called in a namespace: a socket stays where it was made."""
        made = []

        def enter():
            with open(f"/run/netns/{name}") as there:  # noqa: PTH123  # its number is what is wanted
                if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) == 0:
                    made.append(make())

        thread = threading.Thread(target=enter)  # threads have namespaces of their own
        thread.start()
        thread.join()
        assert made, f"no way into the namespace {name}, or nothing to be made there"
        return made[0]


def udp4(port, address=""):
    """A socket that says where to its datagrams were sent."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.bind((address, port))
    return made


def udp6(port):
    made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("eth0"))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.bind(("", port))
    return made


class Kea:
    """One Kea with a configuration. `restart` makes it forget everything."""

    def __init__(self, place, family, config, folder):
        self.place, self.family, self.folder = place, family, Path(folder)
        self.version = version(family)
        self.config = self.folder / f"kea-dhcp{family}.json"
        self.log = self.folder / f"kea-dhcp{family}.log"
        self.control = self.folder / "control"
        self.config.write_text(json.dumps(config, indent=1))
        self.process = None
        if family == 4:
            self.sockets = [place.inside(place.agent, lambda port=port: udp4(port)) for port in (67, 68)]
        else:
            self.sockets = [place.inside(place.agent, lambda port=port: udp6(port)) for port in (547, 546)]
        self.dns = place.inside(place.server, lambda: udp4(DNS_PORT, "127.0.0.1"))

    def start(self):
        words = ["ip", "netns", "exec", self.place.server, *program(self.family)]
        if self.version >= (3,):
            words.append("-X")  # no rules about where files and sockets may lie
        env = {**os.environ, "PATH": PATH, "KEA_PIDFILE_DIR": str(self.folder), "KEA_LOCKFILE_DIR": "none"}
        self.control.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*words, "-c", str(self.config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=env
            )
        began = time.monotonic()
        while not self.ask("config-get", quiet=True):
            assert self.process.poll() is None, f"Kea ended: {self.log.read_text()[-3000:]}"
            assert time.monotonic() - began < PATIENCE, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def restart(self):
        self.stop()
        self.start()
        self.forget()

    def now(self):
        """What its clock says, in seconds."""
        return int(time.time())

    def forget(self):
        """Whatever was said and not heard."""
        for each in (*self.sockets, self.dns):
            drain(each)

    def close(self):
        """Ends it; once more does no harm."""
        self.stop()
        for each in (*self.sockets, self.dns):
            each.close()

    def ask(self, command, quiet=False, **arguments):
        """What Kea answers to a command; None, if `quiet`, where it does not listen yet."""
        with socket.socket(socket.AF_UNIX) as line:
            try:
                line.connect(str(self.control))
                line.sendall(json.dumps({"command": command, "arguments": arguments}).encode())
                answer = b""
                while part := line.recv(DATAGRAM_MAX):
                    answer += part
            except (FileNotFoundError, ConnectionRefusedError):
                if quiet:
                    return None
                raise
        return json.loads(answer)

    def exchange(self, send, is_probe, *, patient):
        """What Kea sent to what `send()` sends, the probe's answer left out: (payload, destination, port) each.

        With `patient` nothing is taken for silence before some time has passed behind the probe's answer.
        """
        send()
        found = []
        probed = False
        end = time.monotonic() + PATIENCE
        while not probed:
            assert self.process.poll() is None, f"Kea ended: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < end, f"Kea does not answer the probe: {self.log.read_text()[-3000:]}"
            self.sockets[0].settimeout(PATIENCE)
            with contextlib.suppress(TimeoutError):
                got = receive(self.sockets[0])
                probed = is_probe(got[0])
                if not probed:
                    found.append(got)
        found += drain(self.sockets[1])
        if not found and patient:
            time.sleep(GRACE)
            found += [*drain(self.sockets[0]), *drain(self.sockets[1])]
        return found

    def told(self, count, probe):
        """What the DDNS server was told: so many messages, or as many as there are after waiting in vain."""
        found = drain(self.dns)
        end = time.monotonic() + 1.0
        while len(found) < count and time.monotonic() < end:
            self.exchange(*probe, patient=False)  # Kea sends the next one once it looks at its sockets again
            found += drain(self.dns)
        return [data for data, _, _ in found]


def receive(sock):
    """A datagram, the address it was sent to, and the port."""
    data, ancillary, _, _ = sock.recvmsg(DATAGRAM_MAX, 128)
    target = ""
    for level, kind, payload in ancillary:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
            target = socket.inet_ntoa(struct.unpack("I4s4s", payload[:12])[2])
    return data, target, sock.getsockname()[1]


def drain(sock):
    sock.setblocking(False)
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(receive(sock))
    return found

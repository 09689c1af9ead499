"""Recorded exchanges of commands with Kea, sent in their order to a server of ours, and what it answers otherwise.

    server = Replayed(folder, 4, config, libraries=["subnet_cmds"])
    for row in rows:
        differences(server.answer(row), row["response"])

What depends on the machine (interfaces, files, sockets, databases) is replaced on the way in: `local`.
"""

import copy
import importlib.util
import json
import re
from pathlib import Path

spec = importlib.util.spec_from_file_location("control_process", Path(__file__).with_name("test_control.py"))
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)

PLACE = re.compile(r" \((?:<wire>|<string>)?:\d+:\d+(?::\d+)?\)|\(<wire>:[\d.:-]+\)")  # where it stood in what was sent


def rows_of(vectors, server):
    """The start configuration of a recorded server, and its exchanges in their order."""
    rows = [json.loads(line) for line in vectors.read_text().splitlines()]
    rows = [row for row in rows if row["server"] == server]
    return rows[0]["config"], rows[1:]


class Replayed:
    """A server process with a recorded configuration."""

    def __init__(self, folder, family, config, libraries=()):
        self.folder, self.root = folder, f"Dhcp{family}"
        self.base = config[self.root]
        self.libraries = [{"library": f"libdhcp_{name}.so"} for name in libraries]
        self.running = control.Running(folder, family, **self.local(self.base))

    def local(self, config):
        """A recorded configuration as it can be in force here."""
        made = copy.deepcopy(config)
        made.pop("hosts-databases", None)
        made.pop("control-sockets", None)
        made.pop("control-socket", None)
        interfaces = made.get("interfaces-config", {}).get("interfaces", [])
        if interfaces == ["eth0"]:
            made["interfaces-config"] = {"interfaces": []}
        database = made.get("lease-database", {})
        if database.get("type") == "memfile":
            made["lease-database"] = {**database, "name": str(self.folder / "leases.csv")}
        if all("/libdhcp_" in each["library"] for each in made.get("hooks-libraries", ())):
            made["hooks-libraries"] = self.libraries
        for network in (made, *made.get("shared-networks", ())):
            for subnet in network.get(self.root.replace("Dhcp", "subnet"), ()):
                if subnet.get("interface") == "eth0":
                    subnet["interface"] = "lo"
        unix = {"socket-type": "unix", "socket-name": str(self.folder / "control")}
        given = config.get("control-sockets", ())
        made["control-socket"] = unix
        if any(each["socket-type"] not in {"unix", "http"} for each in given):
            del made["control-socket"]
            made["control-sockets"] = given
        return made

    def answer(self, row):
        """What our server answers to a recorded request."""
        request = copy.deepcopy(row["request"])
        if "changes" in row:
            config = {key: value for key, value in self.base.items() if key not in row["without"]} | row["changes"]
            request["arguments"] = {self.root: self.local(config)} | request.get("arguments", {})
        return self.running.send(self.moved(json.dumps(request)).encode())

    def moved(self, text):
        """A text with the recorded folders and interface replaced."""
        for there in ("/etc/kea", "/run/kea"):
            text = text.replace(there, str(self.folder))
        return text.replace('"eth0"', '"lo"')

    def expected(self, row):
        """What was answered, with the same replaced."""
        return json.loads(self.moved(json.dumps(row["response"])))

    def end(self):
        self.running.end()


MACHINE = frozenset(("hash", "pid", "reload", "uptime", "size", "extended"))  # of these only the type can be the same


def differences(ours, theirs, *, values=True):
    """What an answer says otherwise: its result, names and types of its arguments, values of those, its text."""
    if "raw-answer" in theirs:
        return []  # the recorded server ended
    found = []
    if ours.get("result") != theirs["result"]:
        found.append(f"result {ours.get('result')} for {theirs['result']}")
    found += _differences(ours.get("arguments"), theirs.get("arguments"), "arguments", values)
    one, other = (PLACE.sub("", each.get("text", "")) for each in (ours, theirs))
    if one != other:
        found.append(f"text {one!r} for {other!r}")
    return found


def _differences(ours, theirs, at, values):
    if type(ours) is not type(theirs):
        return [f"{at}: {type(ours).__name__} for {type(theirs).__name__}"]
    if isinstance(theirs, dict):
        found = [f"{at}.{key} missing" for key in theirs.keys() - ours.keys()]
        found += [f"{at}.{key} besides" for key in ours.keys() - theirs.keys()]
        for key in sorted(theirs.keys() & ours.keys()):
            found += _differences(ours[key], theirs[key], f"{at}.{key}", values and key not in MACHINE)
        return found
    if isinstance(theirs, list):
        if values and len(ours) != len(theirs):
            return [f"{at}: {len(ours)} for {len(theirs)}"]
        return [
            each
            for index, (one, other) in enumerate(zip(ours, theirs, strict=False))
            for each in _differences(one, other, f"{at}[{index}]", values)
        ]
    return [f"{at}: {ours!r} for {theirs!r}"] if values and ours != theirs else []

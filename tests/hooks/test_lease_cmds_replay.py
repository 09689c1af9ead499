"""What Kea 3.0.4 answered to lease commands and counts of leases, asked again here: same results, arguments, texts."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("commanded", Path(__file__).with_name("commanded.py"))
commanded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(commanded)

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "vectors" / "lease-commands-30.jsonl").read_text().splitlines()
]
SERVERS = sorted({row["server"] for row in ROWS})
NOT_YET_THERE = ("-get-by-state", "lease6-get-by-hw-address")  # newer than 3.0.4; here they are
NOW_OLDEST = 1_790_000_000  # times of the recordings lie behind this, those that a test said itself before or after
SPAN = 100

# Where what a caller did wrong is told in other words than Kea's; the result is the same. By server and number.
OTHER_WORDS = {
    ("dhcp4", 91): "arguments must be a map",  # Kea: get(string) called on a non-map Element
    ("dhcp4", 130): "'subnets' parameter must be a number",  # Kea: listed subnet identifiers must be numbers
    ("dhcp4", 178): "supported path",  # recorded without Kea's checks of paths
    ("dhcp6", 91): "arguments must be a map",
    ("dhcp6", 116): "'type' is not a string.",  # Kea: stringValue() called on non-string Element
    ("dhcp6", 96): "Incorrect lease type: IA_TA",  # Kea speaks of the subnet first
    ("dhcp6", 135): "'subnets' parameter must be a number",
    ("dhcp6", 183): "supported path",
    ("dhcp6", 232): "arguments must be a map",
}
# Where the result is another one on purpose (docs/why/deviations.md): what it is, and what the text says.
OTHER_RESULTS = {
    ("dhcp4", 173): (1, "the server keeps its leases"),  # lease4-write over the server's own file
    ("dhcp6", 178): (1, "the server keeps its leases"),
    ("dhcp4", 742): (0, "3 rows found"),  # Kea had been told to keep no samples, and fails from then on
    ("dhcp6", 744): (0, "3 rows found"),
    ("dhcp4", 747): (1, "'ip-address' parameter is missing."),  # Kea ends
    ("dhcp6", 749): (1, "'ip-address' parameter is missing."),
}


def told(text):
    """A text without the place in the JSON that was sent."""
    return re.sub(r" ?\((?:<wire>|<string>):\d+:\d+\)$", "", text)


def seeds(rows, family):
    """The leases that clients of the recording had before the first command."""
    for row in rows:
        if row["request"]["command"] == f"lease{family}-get-all" and "arguments" not in row["request"]:
            leases = row["response"].get("arguments", {}).get("leases", [])
            return [lease for lease in leases if "ISC" in lease.get("user-context", {}) and "pool-id" in lease]
    return []


def same(ours, theirs, at, now, column=""):
    """Whether two answers say the same; times of now are as far from now."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict) or ours.keys() != theirs.keys():
            return False
        return all(same(ours[key], value, at, now, key) for key, value in theirs.items())
    if isinstance(theirs, list):
        if column == "rows":  # what was ever assigned: the leases of clients were not assigned here
            cumulative = (2,) if len(theirs[0]) == 5 else (2, 6)
            ours = [[v for i, v in enumerate(row) if i not in cumulative] for row in ours]
            theirs = [[v for i, v in enumerate(row) if i not in cumulative] for row in theirs]
        return len(ours) == len(theirs) and all(same(a, b, at, now) for a, b in zip(ours, theirs, strict=True))
    if column == "cltt" and abs(theirs - at) < SPAN:
        return abs(ours - now) < SPAN
    if column == "timestamp":
        return re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", ours) is not None
    return type(ours) is type(theirs) and ours == theirs


def local(value, folder):
    """Paths of the recording in another folder."""
    return json.loads(json.dumps(value).replace("/var/lib/kea", str(folder)))


@pytest.mark.parametrize("name", SERVERS)
def test_every_answer_is_kea_s(name, tmp_path):
    family = int(name[4])
    config = next(row["config"] for row in ROWS if row["server"] == name and "config" in row)
    rows = [row for row in ROWS if row["server"] == name and "request" in row]
    server = commanded.Commanded(tmp_path, family, config)
    server.store.path = tmp_path / f"kea-leases{family}.csv"
    at = rows[0].get("at", 0)
    for lease in seeds(rows, family):
        given = {key: value for key, value in lease.items() if key != "cltt"}
        assert server.ask(f"lease{family}-add", given)["result"] == 0
    asked = 0
    for row in rows:
        command = row["request"]["command"]
        if command.endswith(NOT_YET_THERE):
            assert row["response"]["result"] == 2
            continue
        key = name, row["seq"]
        ours = server.ask(command, local(row["request"].get("arguments"), tmp_path))
        theirs = local(row["response"], tmp_path)
        asked += 1
        if key in OTHER_RESULTS:
            result, text = OTHER_RESULTS[key]
            assert ours["result"] == result, (row["seq"], ours)
            assert text in ours["text"], (row["seq"], ours)
            continue
        text, theirs["text"] = told(ours.pop("text")), told(theirs["text"])
        if key in OTHER_WORDS:
            assert OTHER_WORDS[key] in text, (row["seq"], text)
            assert text != theirs.pop("text")
        else:
            assert text == theirs.pop("text"), (row["seq"], row["request"])
        assert same(ours, theirs, row.get("at", at), server.now()), (row["seq"], row["request"], ours, theirs)
    assert asked >= 11
    written = {path.name for path in tmp_path.glob("*.csv")}
    if name in {"dhcp4", "dhcp6"}:
        assert written == {f"other-{family}.csv", f"plain{family}.csv", "z.csv"}
    else:
        assert [(change.remove, change.fqdn) for change in server.names.take()] == [
            (False, "a.example.org."),
            (True, "c.example.org."),
        ]

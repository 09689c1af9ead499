"""Real Kea's opinion of our table: it knows every option under its name and code, and takes the texts we write."""

import json
import os
import shutil
import subprocess

import pytest

from dhcpkit.wire.named_kinds import TYPES, kind_named
from dhcpkit.wire.options4 import DHCP4, DHCP_AGENT_OPTIONS, VIVCO_SUBOPTIONS, VIVSO_SUBOPTIONS

SAMPLES = {
    "binary": "0A0B", "boolean": "true", "fqdn": "a.example.org.", "int8": "-1", "int16": "-1", "int32": "-25200",
    "ipv4-address": "192.0.2.1", "ipv6-address": "2001:db8::1", "ipv6-prefix": "2001:db8::/48", "psid": "3/4",
    "string": "a\\, b\\\\", "tuple": "text", "uint8": "7", "uint16": "1500", "uint32": "4294967295", "empty": "",
}  # fmt: skip
OWN = {VIVCO_SUBOPTIONS: "4491, 03026162", VIVSO_SUBOPTIONS: "4491", DHCP_AGENT_OPTIONS: ""}


def sample(kind):
    """A text of this kind."""
    if kind.array:
        return ", ".join([SAMPLES[kind.name]] * 2)
    return ", ".join(map(sample, kind.fields)) if kind.fields else SAMPLES[kind.name]


def kea_says(tmp_path, **members):
    """What `kea-dhcp4 -t` says of a configuration; empty where it takes it."""
    config = tmp_path / "kea-dhcp4.conf"
    config.write_text(json.dumps({"Dhcp4": {"interfaces-config": {"interfaces": []}, "subnet4": [], **members}}))
    program = shutil.which("kea-dhcp4", path=os.environ.get("PATH", "") + ":/usr/sbin")
    done = subprocess.run([program, "-t", str(config)], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.needs("kea-dhcp4")
def test_kea_knows_our_options_and_takes_our_texts(tmp_path):
    data = []
    for option in DHCP4:
        if option.redefinable or option.name == "fqdn":  # of 81 Kea makes something else (test_option_text.py)
            continue
        text = OWN[option] if option in OWN else sample(option.kind)
        option.build_text(text)
        data.append({"name": option.name, "code": option.code, "data": text})
    assert len(data) > 100
    assert kea_says(tmp_path, **{"option-data": data}) == ""


@pytest.mark.needs("kea-dhcp4")
def test_kea_leaves_redefinable_options_to_the_configuration(tmp_path):
    mine = [{"name": f"x-{o.code}", "code": o.code, "type": "uint8"} for o in DHCP4 if o.redefinable]
    assert kea_says(tmp_path, **{"option-def": mine}) == ""
    for option in DHCP4:
        if not option.redefinable and option.code in (1, 51, 82, 119, 213):
            redefined = [{"name": "x", "code": option.code, "type": "uint8"}]
            assert "unable to override" in kea_says(tmp_path, **{"option-def": redefined})


@pytest.mark.needs("kea-dhcp4")
def test_keas_types_take_our_texts(tmp_path):
    definitions, data = [], []
    for number, name in enumerate(sorted(TYPES)):
        for array in (False, True):
            try:
                kind = kind_named(name, array=array)
            except ValueError:
                continue
            code = 150 + 2 * number + array
            definitions.append({"name": f"my-{code}", "code": code, "type": name, "array": array, "space": "mine"})
            data.append({"name": f"my-{code}", "space": "mine", "data": sample(kind)})
    assert kea_says(tmp_path, **{"option-def": definitions, "option-data": data}) == ""

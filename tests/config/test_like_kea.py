"""Small configurations and Kea 2.2's verdict on each: dhcpkit must agree, and so must Kea itself where it is installed.

A message is the beginning of Kea's sentence, "" where the configuration is accepted.
"""

import json
import os
import shutil
import subprocess

import pytest

from dhcpkit.config import ConfigError, parse4

FAILED = "subnet configuration failed: "
LAN = {"subnet": "10.0.0.0/24", "id": 1}
HOST = {"hw-address": "1:2:3:4:5:6"}
FITS_NOT = "option data does not match option definition (space: dhcp4, code: "


def lan(**keys):
    return {"subnet4": [LAN | {key.replace("_", "-"): value for key, value in keys.items()}]}


def reserved(*entries):
    return lan(reservations=list(entries))


def option(**keys):
    return {"option-data": [{key.replace("_", "-"): value for key, value in keys.items()}]}


def lifetimes(low=None, default=None, high=None):
    named = {"min-valid-lifetime": low, "valid-lifetime": default, "max-valid-lifetime": high}
    return {key: value for key, value in named.items() if value is not None}


def definition(**keys):
    given = {"name": "x", "code": 230, "type": "uint8"} | {key.replace("_", "-"): v for key, v in keys.items()}
    return {"option-def": [given]}


def client_class(**keys):
    return {"client-classes": [{"name": "a"} | {key.replace("_", "-"): value for key, value in keys.items()}]}


NOT_BETWEEN = f"{FAILED}the value of (default) valid-lifetime (7200) is not between min-valid-lifetime"
CASES = {
    # Subnets.
    "host bits": (lan(subnet="10.0.0.5/24"), ""),
    "no length": (lan(subnet="10.0.0.0"), f"{FAILED}Invalid subnet syntax (prefix/len expected):10.0.0.0"),
    "length 33": (lan(subnet="10.0.0.0/33"), f"{FAILED}Invalid prefix length specified for subnet: 33"),
    "length x": (lan(subnet="10.0.0.0/x"), f"{FAILED}prefix length: 'x' is not an integer"),
    "length 0": (lan(subnet="10.0.0.0/0"), ""),
    "id negative": (lan(id=-1), f"{FAILED}The 'id' value (-1) is not within expected range"),
    "id from the counter is taken": (
        {"subnet4": [{"subnet": f"10.0.{n}.0/24", "id": number} for n, number in enumerate((2, 0, 0))]},
        "ID of the new IPv4 subnet '2' is already in use",
    ),
    "prefix in a shared network too": (
        lan() | {"shared-networks": [{"name": "n", "subnet4": [LAN | {"id": 2}]}]},
        "subnet with the prefix of '10.0.0.0/24' already exists",
    ),
    "shared network without a name's text": ({"shared-networks": [{"name": ""}]}, "Shared-network with subnets "),
    # Pools.
    "pool with host bits": (lan(pools=[{"pool": "10.0.0.5/28"}]), ""),
    "pool without blanks": (lan(pools=[{"pool": "10.0.0.5-10.0.0.9"}]), ""),
    "pool reversed": (
        lan(pools=[{"pool": "10.0.0.9 - 10.0.0.5"}]),
        "Failed to create pool defined by: 10.0.0.9-10.0.0.5",
    ),
    "pool of words": (lan(pools=[{"pool": "x"}]), "invalid pool definition: x. There are two acceptable formats"),
    "pool half outside": (
        lan(pools=[{"pool": "10.0.0.200 - 10.0.1.5"}]),
        f"{FAILED}a pool of type V4, with the following address range: 10.0.0.200-10.0.1.5 does not match the prefix",
    ),
    "pool inside another": (
        lan(pools=[{"pool": "10.0.0.1 - 10.0.0.99"}, {"pool": "10.0.0.5 - 10.0.0.6"}]),
        f"{FAILED}a pool of type V4, with the following address range: 10.0.0.5-10.0.0.6 overlaps with an existing",
    ),
    # Lifetimes and timers: each of the three lifetimes is inherited by itself.
    "minimum alone": (lan(min_valid_lifetime=100), ""),
    "maximum alone, below the default": (
        lan(max_valid_lifetime=100),
        f"{FAILED}the value of (default) valid-lifetime (7200) is not less than max-valid-lifetime (100)",
    ),
    "default outside both": (lan(min_valid_lifetime=100, max_valid_lifetime=300), f"{NOT_BETWEEN} (100)"),
    "default of the subnet outside the global bounds": (
        lifetimes(100, 200, 300) | lan(valid_lifetime=400),
        f"{FAILED}the value of (default) valid-lifetime (400) is not between min-valid-lifetime (100)",
    ),
    "minimum above maximum": (
        lifetimes(10000, None, 10),
        "the value of min-valid-lifetime (10000) is not less than max-valid-lifetime (10)",
    ),
    "minimum above the default": (
        lan(**lifetimes(10000)),
        f"{FAILED}the value of min-valid-lifetime (10000) is not less than (default) valid-lifetime (7200)",
    ),
    "renewal at rebinding": ({"renew-timer": 2000} | lan(rebind_timer=2000), ""),
    "T1 after T2": (
        {"t1-percent": 0.5} | lan(calculate_tee_times=True, t2_percent=0.4),
        f"{FAILED}t1-percent:  0.5 is invalid, it must be less than t2-percent: 0.4",
    ),
    "T1 after T2, which nobody computes": ({"t1-percent": 0.5, "t2-percent": 0.4} | lan(), ""),
    "class with bounds alone": (
        client_class(**lifetimes(10, None, 50)),
        "have min-valid-lifetime and max-valid-lifetime but no valid-lifetime (default)",
    ),
    "mode and flag": (
        lan(reservation_mode="global", reservations_global=True),
        f"{FAILED}invalid use of both 'reservation-mode' and one of 'reservations-global'",
    ),
    # Fields of the header.
    "server host name of 64 octets": (
        lan(server_hostname="a" * 64),
        f"{FAILED}server-hostname must be at most 63 bytes long, it is 64",
    ),
    "server host name of 63 octets": (lan(server_hostname="a" * 63), ""),
    # Options.
    "octets that are none": (
        option(code=3, data="1.2.3.4", csv_format=False),
        "option data is not a valid string of hexadecimal digits: 1.2.3.4",
    ),
    "octets of an address": (option(code=3, data="01020304", csv_format=False), ""),
    "octets that fit no address": (option(code=3, data="010203", csv_format=False), f"{FITS_NOT}3): "),
    "octets of an unknown option": (option(code=230, data="010203", csv_format=False), ""),
    "octets of an unknown option with a name": (option(code=230, name="zap", data="01", csv_format=False), ""),
    "text of an unknown option": (
        option(code=230, data="010203"),
        "definition for the option 'dhcp4.' having code '230' does not exist",
    ),
    "list without values": (option(name="routers"), ""),
    "list that is empty": (option(name="routers", data=""), ""),
    "text that is empty": (option(name="host-name", data=""), f"{FITS_NOT}12): no"),
    "comma at the end": (option(name="domain-name-servers", data="1.2.3.4,"), ""),
    "more fields than wanted": (option(name="host-name", data="a, b"), ""),
    "octets as text": (option(name="host-name", data="'a'", csv_format=False), ""),
    "number out of range": (option(name="time-offset", data="99999999999"), f"{FITS_NOT}2): "),
    "unknown space with octets": (option(name="x", code=1, space="foo", data="0102", csv_format=False), ""),
    "unknown space by name": (
        option(name="x", space="foo", data="0102", csv_format=False),
        "definition for the option 'foo.x' does not exist",
    ),
    "unknown space as text": (
        option(code=1, space="foo", data="0102"),
        "definition for the option 'foo.' having code '1' does not exist",
    ),
    "code beyond the octet": (
        option(code=300, space="foo", data="12", csv_format=False),
        "invalid option code '300', it must not be greater than '255'",
    ),
    "neither name nor code": (
        option(data="1.2.3.4"),
        "option data configuration requires one of 'code' or 'name' parameters to be specified",
    ),
    "same option twice": (
        {"option-data": [{"name": "routers", "data": f"1.2.3.{n}"} for n in (4, 5)]},
        "",
    ),
    # Definitions.
    "definition used": (definition() | option(name="x", data="7"), ""),
    "definition used wrongly": (definition() | option(name="x", data="300"), f"{FITS_NOT}230): "),
    "record": (
        definition(type="record", record_types="uint16, ipv4-address, string")
        | option(name="x", data="1, 192.0.2.1, two words"),
        "",
    ),
    "record with fields missing": (
        definition(type="record", record_types="uint16, ipv4-address") | option(name="x", data="1"),
        f"{FITS_NOT}230): ",
    ),
    "array": (definition(array=True) | option(name="x", data="1, 2, 3"), ""),
    "standard option redefined": (
        definition(code=3),
        "unable to override definition of option '3' in standard option space 'dhcp4'",
    ),
    "space of one's own": (definition(space="foo", code=3) | option(name="x", space="foo", data="7"), ""),
    "class defines a private option": (client_class(option_def=definition()["option-def"]), ""),
    "class defines a standard option": (
        client_class(option_def=definition(code=3)["option-def"]),
        "Not allowed option definition for code '3' in space 'dhcp4'",
    ),
    "class defines in another space": (
        client_class(option_def=definition(space="foo")["option-def"]),
        "Not allowed option definition for code '230' in space 'foo'",
    ),
    # Reservations.
    "boot server alone": (reserved(HOST | {"next-server": "1.2.3.4"}), ""),
    "class alone": (reserved(HOST | {"client-classes": ["x"]}), ""),
    "two identifiers": (
        reserved(HOST | {"duid": "01:02:03", "ip-address": "10.0.0.5"}),
        "the 'hw-address' and 'duid' are mutually exclusive",
    ),
    "identifier as text": (reserved({"hw-address": "'abcdef'", "ip-address": "10.0.0.5"}), ""),
    "identifier of three digits": (reserved({"circuit-id": "abc", "ip-address": "10.0.0.5"}), ""),
    "identifier with blanks": (reserved({"client-id": "aa bb cc", "ip-address": "10.0.0.5"}), ""),
    "identifier with 0x": (reserved({"duid": "0xaabbcc", "ip-address": "10.0.0.5"}), ""),
    "identifier empty": (reserved({"circuit-id": "", "ip-address": "10.0.0.5"}), "empty host identifier used"),
    "address of zeros": (
        reserved(HOST | {"ip-address": "0.0.0.0"}),
        "must not make reservation for the '0.0.0.0' address",
    ),
    "address outside": (
        reserved(HOST | {"ip-address": "10.0.1.5"}),
        "specified reservation '10.0.1.5' is not within the IPv4 subnet '10.0.0.0/24'",
    ),
    "global address anywhere": ({"reservations": [HOST | {"ip-address": "99.0.0.5"}]}, ""),
    "unknown option in a reservation": (
        reserved(HOST | option(name="bogus")),
        "definition for the option 'dhcp4.bogus' does not exist",
    ),
    "same address for two": (
        {"ip-reservations-unique": False}
        | reserved(*({"hw-address": f"0{n}:02", "ip-address": "10.0.0.5"} for n in (1, 2))),
        "",
    ),
    # Classes.
    "built-in class": ({"client-classes": [{"name": "KNOWN"}]}, ""),
    "class refers to one before it": (
        {"client-classes": [{"name": "a", "test": "member('ALL')"}, {"name": "b", "test": "not member('a')"}]},
        "",
    ),
    "expression that works": (client_class(test="option[60].hex == 'x' and (pkt4.mac == 0x01)"), ""),
    "expression with a bracket too many": (client_class(test="(member('ALL')))"), "expression: [(member('ALL')))]"),
    "expression with a bracket too few": (client_class(test="(member('ALL')"), "expression: [(member('ALL')]"),
}


def config_of(keys):
    return {"interfaces-config": {"interfaces": []}, "lease-database": {"type": "memfile", "persist": False}} | keys


@pytest.mark.parametrize("name", CASES)
def test_dhcpkit(name):
    keys, message = CASES[name]
    text = json.dumps({"Dhcp4": config_of(keys)})
    if not message:
        parse4(text)
        return
    with pytest.raises(ConfigError) as caught:
        parse4(text)
    assert caught.value.like_kea().startswith(f"Error encountered: {message}")


@pytest.mark.needs("kea-dhcp4")
@pytest.mark.parametrize("name", CASES)
def test_kea(name, tmp_path):
    keys, message = CASES[name]
    path = tmp_path / "kea.conf"
    path.write_text(json.dumps({"Dhcp4": config_of(keys)}))
    program = shutil.which("kea-dhcp4", path=os.environ.get("PATH", "") + ":/usr/sbin")
    done = subprocess.run([program, "-t", path], check=False, capture_output=True, text=True, timeout=20)
    said = [line for line in done.stderr.split("\n") if line.startswith(("Error encountered", "Syntax check failed"))]
    assert bool(message) == (done.returncode != 0), said
    if message:
        assert said[0].startswith(f"Error encountered: {message}")

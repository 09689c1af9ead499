"""The library user_chk: registered users and others."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.hooks.libraries.user_chk import RegistryError, UserError, user_of
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.nested6 import Options6

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)

KNOWN4 = {"type": "HW_ADDR", "id": "02:00:00:00:00:01", "bootfile": "/v4bootfile", "tftp_server": "tftp.example"}
KNOWN6 = {"type": "DUID", "id": "000300010200000000" + "01", "bootfile": "/v6bootfile"}
SYSLOG = bytes.fromhex("20010db8" + "0" * 24)
EVERYBODY = {"type": "HW_ADDR", "id": "00000000", "bootfile": "guest.img"}


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


class Files:
    def __init__(self, folder):
        self.registry, self.outcome = folder / "registry", folder / "outcome"
        self.time = 1_700_000_000
        self.write(KNOWN4, KNOWN6)

    def write(self, *users, text=None):
        self.registry.write_text("\n".join(map(json.dumps, users)) if text is None else text)
        self.time += 1
        os.utime(self.registry, (self.time, self.time))

    def library(self):
        told = {"registry-file": str(self.registry), "outcome-file": str(self.outcome)}
        return {"library": "libdhcp_user_chk.so", "parameters": told}

    def outcomes(self):
        blocks = self.outcome.read_text().strip().split("\n\n")
        return [dict(line.split("=", 1) for line in block.splitlines()) for block in blocks]


def server4(files):
    subnets = [
        {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": "10.53.1.0 - 10.53.1.255"}]},
        {"id": 9, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.99"}]},
        {"id": 5, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.99"}]},
    ]
    return x.Hooked({"Dhcp4": {"subnet4": subnets, "hooks-libraries": [files.library()]}})


def offered(hooked, client):
    query = Packet4(1, {}, xid=client, chaddr=b"\2\0\0\0\0" + bytes((client,)), broadcast=True)
    [answer] = map(Packet4.parse, hooked.take(bytes(query)))
    assert hooked.counted("pkt4-processing-failed") == 0
    return answer, str(x.IPv4Address(answer.yiaddr))


def test_users_are_served_as_usual_and_others_in_the_last_subnet(files):
    with server4(files) as hooked:
        user, address = offered(hooked, 1)
        assert address.startswith("10.53.")
        assert (user.options[67], user.options[66], user.file) == (b"/v4bootfile", b"tftp.example", b"/v4bootfile")
        other, apart = offered(hooked, 2)
        assert apart.startswith("192.0.2."), "to Kea the last subnet is that with the greatest id"
        assert 67 not in other.options
        files.write(KNOWN4, KNOWN6, EVERYBODY)
        assert offered(hooked, 2)[0].options[67] == b"guest.img"
    assert files.outcomes()[:2] == [
        {"id_type": "HW_ADDR", "client": "hwtype=1 02:00:00:00:00:01", "addr": address, "registered": "yes"},
        {"id_type": "HW_ADDR", "client": "hwtype=1 02:00:00:00:00:02", "addr": apart, "registered": "no"},
    ]
    assert files.outcome.read_text().endswith("registered=no\n\n")


def test_a_registry_that_changes_is_read_again_and_a_broken_one_is_not(files, caplog):
    with server4(files) as hooked:
        assert offered(hooked, 2)[1].startswith("192.0.2.")
        files.write(KNOWN4, {"type": "HW_ADDR", "id": "020000000002"})
        assert offered(hooked, 2)[1].startswith("10.53.")
        for text in ("{", '{"type": "HW_ADDR", "id": 5}', json.dumps(KNOWN4) + "\n" + json.dumps(KNOWN4)):
            files.write(text=text)
            caplog.clear()
            assert offered(hooked, 2)[1].startswith("10.53."), "it is kept as it was"
            assert offered(hooked, 2)[1].startswith("10.53.")
            assert caplog.text.count("USER_CHK_REGISTRY_ERROR") == 1
        files.registry.unlink()
        assert offered(hooked, 2)[1].startswith("10.53.")
        files.write(KNOWN4)
        assert offered(hooked, 2)[1].startswith("192.0.2.")


def test_without_its_files_it_is_not_loaded(files):
    files.outcome = files.outcome / "in" / "no" / "folder"
    with pytest.raises(OSError, match="No such file"):
        server4(files)
    files.registry.unlink()
    with pytest.raises(RegistryError, match="No such file"):
        server4(files)


def test_an_outcome_that_cannot_be_written_is_told_once_and_clients_are_served(files, caplog):
    with server4(files) as hooked:
        hooked.libraries[0]._outcome.close()
        for _ in range(3):
            offered(hooked, 1)
        assert caplog.text.count("USER_CHK_OUTCOME_ERROR") == 1


def test_dhcpv6(files):
    data = [
        {"code": 17, "name": "vendor-opts", "data": "4491", "always-send": True},
        {"space": "vendor-4491", "code": 33, "csv-format": False, "data": "61", "always-send": True},
        {"space": "vendor-4491", "code": 34, "csv-format": False, "data": "20010db8" + "0" * 24, "always-send": True},
    ]
    subnets = [
        {"id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0", "pools": [{"pool": "2001:db8:1::/80"}]},
        {
            "id": 2,
            "subnet": "2001:db8:2::/64",
            "pools": [{"pool": "2001:db8:2::/80"}],
            "pd-pools": [{"prefix": "3000::", "prefix-len": 40, "delegated-len": 56}],
        },
    ]
    config = {"subnet6": subnets, "option-data": data, "hooks-libraries": [files.library()]}
    with x.Hooked({"Dhcp6": config}) as hooked:

        def advertised(client, code):
            duid = b"\0\3\0\1\2\0\0\0\0" + bytes((client,))
            [answer] = hooked.take(bytes(Packet6(1, [(1, duid), (code, bytes(12))], xid=client)))
            return Options6(Packet6.parse(answer).options.first[17][4:]).first

        assert advertised(1, 3) == {33: b"/v6bootfile", 34: SYSLOG}
        assert advertised(2, 3) == {33: b"a", 34: SYSLOG}
        advertised(2, 25)
        assert hooked.counted("pkt6-processing-failed") == 0
    found = files.outcomes()
    assert [(each["id_type"], each["client"], each["registered"]) for each in found] == [
        ("DUID", "00:03:00:01:02:00:00:00:00:01", "yes"),
        *[("DUID", "00:03:00:01:02:00:00:00:00:02", "no")] * 2,
    ]
    assert found[0]["addr"].startswith("2001:db8:1:")
    assert found[1]["addr"].startswith("2001:db8:2:")
    assert found[2]["addr"].endswith("/56")


@given(st.text(max_size=40) | st.recursive(st.text(max_size=4) | st.integers() | st.none(), st.lists).map(json.dumps))
def test_no_line_makes_reading_fail_otherwise_than_by_a_problem(line):
    try:
        (kind, identifier), _ = user_of(line)
    except UserError:
        return
    assert kind in ("HW_ADDR", "DUID")
    assert identifier


def test_who_is_refused_an_address_got_none(files):
    files.write(KNOWN4, KNOWN4 | {"id": "020000000003"})
    with server4(files) as hooked:
        answer, address = offered(hooked, 3)
        wanted = {50: x.IPv4Address(address).packed, 54: x.SERVER4.to_bytes(4, "big")}
        kinds = []
        for client in (3, 1):
            query = Packet4(3, wanted, xid=client, chaddr=b"\2\0\0\0\0" + bytes((client,)), broadcast=True)
            [answer] = map(Packet4.parse, hooked.take(bytes(query)))
            kinds.append(answer.type)
    assert kinds == [5, 6]
    assert 67 not in answer.options
    assert [each["client"][-2:] for each in files.outcomes()] == ["03", "03"]

"""`dhcpkit replay`: recorded clients, on the configurations that real Kea had, hear what Kea told them."""

import json

import pytest

from dhcpkit.cli import Status, main
from dhcpkit.wire.capture import read_capture

CONVERSATIONS = [
    "v4-dhclient-decline", "v4-dhclient-dora-release", "v4-dhclient-init-reboot", "v4-dhclient-init-reboot-nak",
    "v4-dhclient-rebind-after-restart", "v4-dhclient-renew", "v4-dhcpcd-fqdn-vendor", "v4-dhcpcd-inform",
    "v4-dhcrelay-option82", "v4-long-options", "v4-perfdhcp-200", "v4-reboot-server-keeps-leases",
    "v4-relay-extended-info", "v4-reservations", "v4-two-clients-pool-exhausted", "v4-udhcpc-options-release",
    "v6-dhclient-confirm", "v6-dhclient-decline", "v6-dhclient-inforeq", "v6-dhclient-na-and-pd",
    "v6-dhclient-na-release", "v6-dhclient-pd", "v6-dhclient-rebind-after-restart", "v6-dhclient-renew",
    "v6-dhcpcd-rapid-commit", "v6-dhcrelay", "v6-perfdhcp-100-na-pd", "v6-relay-extended-info", "v6-reservations",
]  # fmt: skip


def run(capsys, *words, status=Status.OK):
    with pytest.raises(SystemExit) as stopped:
        main(["replay", *map(str, words)])
    assert stopped.value.code in (status, None if status == Status.OK else status)
    return capsys.readouterr().out


def recording(shared, name):
    folder = shared / "kea" / "captures" / "clients" / name
    return folder / "traffic.pcap", folder / "config.json"


def variant(tmp_path, config, change):
    document = json.loads(config.read_text())
    change(next(iter(document.values())))
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_recorded_clients_hear_what_kea_told_them(name, shared, capsys):
    pcap, config = recording(shared, name)
    messages = json.loads(run(capsys, pcap, "-c", config, "--json"))["messages"]
    assert messages
    answered = [each for each in messages if each["recorded"] is not None]
    for each in answered:
        assert each["decided"]["kind"] == each["recorded"]["kind"], each
        assert set(each["recorded"]["options"]) == set(each["decided"]["options"]), each
        given, recorded = each["decided"]["given"], each["recorded"]["given"]
        # which of a pool's addresses a client gets is the allocator's; a prefix has the same length
        assert [text.partition("/")[2] for text in given] == [text.partition("/")[2] for text in recorded], each
        if "perfdhcp" not in name and "reboot-server" not in name:  # their captures begin with leases in the file
            assert given == recorded, each
    # where Kea said nothing, it was not there to hear, or nothing was to be said
    assert len(answered) >= len(messages) // 2
    assert messages == sorted(messages, key=lambda each: each["number"])


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_every_message_to_a_server_is_decided_once(name, shared, capsys):
    pcap, config = recording(shared, name)
    shown = json.loads(run(capsys, pcap, "-c", config, "--json"))["messages"]
    numbers = [each["number"] for each in shown]
    assert len(set(numbers)) == len(numbers)
    port = 67 if name.startswith("v4") else 547
    datagrams = list(read_capture(pcap.read_bytes()))
    to_servers = [number for number, each in enumerate(datagrams, 1) if each.dport == port]
    assert set(numbers) <= set(to_servers)
    assert {datagrams[number - 1].time for number in numbers} == {each["time"] for each in shown}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_same_configuration_changes_nothing(name, shared, capsys):
    pcap, config = recording(shared, name)
    assert run(capsys, pcap, "-c", config, "--against", config).endswith("clients would notice\n")


def test_what_another_configuration_would_change_is_shown_for_each_client(shared, tmp_path, capsys):
    pcap, config = recording(shared, "v4-dhclient-dora-release")

    def change(keys):
        keys["valid-lifetime"] = 77
        keys["subnet4"][0]["pools"] = [{"pool": "10.53.7.0 - 10.53.7.9"}]

    other = variant(tmp_path, config, change)
    text = run(capsys, pcap, "-c", config, "--against", other, status=Status.NEGATIVE)
    assert "OFFER 10.53.1.0 -> OFFER 10.53.7.0" in text
    assert "-> 77\n" in text
    assert text.endswith("1 of 1 clients would notice\n")
    shown = json.loads(run(capsys, pcap, "-c", config, "--against", other, "--json", status=Status.NEGATIVE))
    assert shown["changed"] == ["02:00:00:00:00:10"]
    assert shown["messages"][0]["against"]["given"] == ["10.53.7.0"]


def test_a_client_that_would_be_silenced_is_shown(shared, tmp_path, capsys):
    pcap, config = recording(shared, "v6-dhclient-na-and-pd")
    other = variant(tmp_path, config, lambda keys: keys["subnet6"][0].update(interface="elsewhere"))
    text = run(capsys, pcap, "-c", config, "--against", other, "--interface", "eth0", status=Status.NEGATIVE)
    assert "ADVERTISE 2001:db8:53::1:0 2001:db8:8000::/56 -> ADVERTISE NO-ADDRS-AVAIL NO-PREFIX-AVAIL" in text


def test_leases_to_begin_with_count(shared, tmp_path, capsys):
    pcap, config = recording(shared, "v4-two-clients-pool-exhausted")
    leases = tmp_path / "leases.csv"
    header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
    leases.write_text(f"{header}\n10.53.1.5,02:00:00:00:00:20,,4294967295,4294967295,1,0,0,,0,\n")
    shown = json.loads(run(capsys, pcap, "-c", config, "--leases", leases, "--json"))["messages"]
    first = next(each for each in shown if each["client"] == "02:00:00:00:00:10")
    assert first["decided"]["kind"] == "silence"


def test_leases_end_in_the_capture_s_own_time(shared, tmp_path, capsys):
    pcap, config = recording(shared, "v4-two-clients-pool-exhausted")
    other = variant(tmp_path, config, lambda keys: keys.update({"valid-lifetime": 1}))
    heard = [
        each
        for each in json.loads(run(capsys, pcap, "-c", other, "--json"))["messages"]
        if each["client"] == "02:00:00:00:00:20" and each["message"] == "DISCOVER"
    ]
    start = heard[0]["time"]
    kinds = [(round(each["time"] - start), each["decided"]["kind"]) for each in heard]
    assert kinds == [(0, "silence"), (2, "OFFER"), (4, "OFFER"), (6, "OFFER")]


def test_the_server_is_the_one_of_the_capture_unless_said_otherwise(shared, tmp_path, capsys):
    pcap, config = recording(shared, "v4-dhclient-dora-release")

    def change(keys):  # the server's own address is not the first one of the subnet any more
        keys["subnet4"][0].update({"subnet": "10.52.0.0/14"})

    other = variant(tmp_path, config, change)

    def identifiers(*words):
        shown = json.loads(run(capsys, pcap, "-c", other, "--json", *words))["messages"]
        return {each["decided"]["options"].get("dhcp-server-identifier") for each in shown} - {None}

    assert identifiers() == {"10.53.0.1"}
    assert "10.53.0.9" in identifiers("--local", "10.53.0.9")


def test_two_families_are_two_captures(shared, tmp_path, capsys):
    four, six = recording(shared, "v4-dhclient-renew"), recording(shared, "v6-dhclient-renew")
    run(capsys, four[0], "-c", six[1], status=Status.NEGATIVE)
    run(capsys, four[0], "-c", four[1], "--against", six[1], status=Status.USAGE)

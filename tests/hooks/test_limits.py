"""The library limits: rates of messages and numbers of leases, beside recordings of Kea 3.0.4."""

import copy
import importlib.util
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpkit.backends import MemoryStore
from dhcpkit.hooks.libraries.limits_counts import MOMENTS_MAX, Holders, LimitError, Rates, Window, rate_of
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.nested6 import Options6

_spec = importlib.util.spec_from_file_location("hooked", Path(__file__).with_name("hooked.py"))
x = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(x)

RECORDED = sorted(name for name, line in x.RECORDED.items() if name.startswith("limits") and "trace" in line)
REFUSED = sorted(name for name, line in x.RECORDED.items() if name.startswith("limits") and "errors" in line)
SECOND = "limits-v4-discovers-1-packet-per-second"  # whose third message came after a pause


@pytest.mark.parametrize("name", [name for name in RECORDED if name != SECOND])
def test_who_is_served_and_who_is_not_is_as_with_kea(name):
    """Answers are the same to the octet until the first refusal, and there are as many of them after it.

    Kea hands out the address behind the one it refused next; here the refused one is still free for the next client.
    """
    hooked, exchanged = x.play(name)
    with hooked:
        refused = False
        for step, recorded, ours in exchanged:
            assert len(ours) == len(recorded), step
            if ours and not refused:
                assert list(map(without_words, ours)) == list(map(without_words, recorded)), step
            refused = refused or not ours
        held = [(lease.state, lease.user_context) for lease in x.leases(hooked)]
    recorded = x.RECORDED[name].get("leases")
    if recorded is not None:
        assert sorted(json.loads(context)["ISC"]["client-classes"] for _, context in held) == sorted(
            lease["user-context"]["ISC"]["client-classes"] for lease in recorded
        )


def without_words(answer):
    """An answer of DHCPv6 without what its status codes say to people."""
    octets = bytes.fromhex(answer)
    if octets[0] not in (2, 7):
        return answer
    options = []
    for code, payload in Packet6.parse(octets).options.items():
        inside = Options6(payload[12:]) if code in (3, 25) else None
        told = [] if inside is None else [(c, data[:2] if c == 13 else data) for c, data in inside.items()]
        options.append((code, payload[:12] if told else payload, told))
    return options


def test_what_clients_hear_and_what_is_counted_of_a_refusal():
    recorded = x.RECORDED["limits-v4-subnet-address-limit"]
    hooked, _ = x.play("limits-v4-subnet-address-limit")
    with hooked:
        for name, value in recorded["statistics"].items():
            assert hooked.counted(name) == value, name
        wanted = {50: b"\n\x35\1\7", 54: x.SERVER4.to_bytes(4, "big")}
        [answer] = hooked.take(message(3, 9, wanted))
        assert Packet4.parse(answer).type == 6, "Kea answers DHCPNAK where a callout refuses what was asked for"


def test_a_second_goes_by():
    recorded = x.RECORDED[SECOND]
    with x.Hooked(recorded["config"]) as hooked:
        now = 0.0
        [library] = hooked.libraries
        library.clock = lambda: now
        for number, step in enumerate(recorded["trace"]):
            now += 1.01 if number == 3 else 0.01
            assert len(hooked.take(bytes.fromhex(step["sent"]))) == len(step["replies"]), step["step"]
        assert hooked.counted("pkt4-limit-exceeded") == 4
        assert hooked.counted("pkt4-receive-drop") == 4


@pytest.mark.parametrize("name", REFUSED)
def test_what_kea_refuses_is_refused_with_its_words(name):
    recorded = x.RECORDED[name]
    with pytest.raises(x.RefusedByLibrary) as raised:
        x.Hooked(recorded["config"])
    assert str(raised.value) in recorded["errors"][0]


@pytest.mark.parametrize("limit", [-1, 2**32, "7", True, 1.5])
def test_limits_are_numbers(limit):
    told = config4(**{"address-limit": limit})
    with pytest.raises(x.RefusedByLibrary, match="out of range"):
        x.Hooked(told)


def config4(classes=(), size=64, **limits):
    subnet = {"id": 1, "subnet": "10.53.0.0/16", "pools": [{"pool": f"10.53.1.0 - 10.53.1.{size - 1}"}]}
    if limits:
        subnet["user-context"] = {"limits": limits}
    libraries = [{"library": "libdhcp_limits.so"}]
    return {"Dhcp4": {"subnet4": [subnet], "client-classes": list(classes), "hooks-libraries": libraries}}


def message(kind, client, options=None, **fields):
    chaddr = b"\2\0\0\0" + client.to_bytes(2, "big")
    return bytes(Packet4(kind, options or {}, xid=client, chaddr=chaddr, broadcast=not fields, **fields))


def lease(hooked, client, options=None):
    """Whether a client gets an address: offered, and then given. What the answers say."""
    offers = hooked.take(message(1, client, options))
    if not offers:
        return None
    address = Packet4.parse(offers[0]).yiaddr
    wanted = {50: address.to_bytes(4, "big"), 54: x.SERVER4.to_bytes(4, "big")}
    answers = hooked.take(message(3, client, (options or {}) | wanted))
    return Packet4.parse(answers[0]).yiaddr if answers else None


def test_what_is_given_back_may_be_given_again():
    with x.Hooked(config4(**{"address-limit": 2})) as hooked:
        first, second = lease(hooked, 1), lease(hooked, 2)
        assert first
        assert second
        assert lease(hooked, 3) is None
        assert lease(hooked, 1) == first, "a holder keeps what it has"
        hooked.take(message(7, 1, {54: x.SERVER4.to_bytes(4, "big")}, ciaddr=first))
        assert lease(hooked, 3)
        assert lease(hooked, 4) is None


def test_all_of_a_batch_are_counted():
    with x.Hooked(config4(**{"address-limit": 3})) as hooked:
        offers = hooked.take(*(message(1, client) for client in range(1, 9)))
        assert len(offers) == 8, "an offer is no lease yet"
        requests = [
            message(3, client, {50: Packet4.parse(offer).yiaddr.to_bytes(4, "big"), 54: b"\n\x35\0\1"})
            for client, offer in enumerate(offers, 1)
        ]
        hooked.take(*requests)
        assert len(x.leases(hooked)) == 3


def test_a_declined_address_counts_for_its_subnet_and_not_for_its_class():
    gold = {"name": "gold", "test": "option[60].hex == 'gold'", "user-context": {"limits": {"address-limit": 1}}}
    with x.Hooked(config4([gold], **{"address-limit": 2})) as hooked:
        address = lease(hooked, 1, {60: b"gold"})
        assert lease(hooked, 2, {60: b"gold"}) is None
        named = {50: address.to_bytes(4, "big"), 54: x.SERVER4.to_bytes(4, "big")}
        hooked.take(message(4, 1, named))
        assert lease(hooked, 2, {60: b"gold"})
        assert lease(hooked, 3) is None


def test_leases_of_earlier_runs_count_and_deleted_ones_do_not():
    store = MemoryStore()
    with x.Hooked(config4(**{"address-limit": 2}), store) as hooked:
        assert lease(hooked, 1)
        assert lease(hooked, 2)
    with x.Hooked(config4(**{"address-limit": 2}), store) as hooked:
        assert lease(hooked, 3) is None
        [one, _] = x.leases(hooked)
        hooked.run(hooked.commit([[x.FAMILY4.change(one, None)]]))
        [library] = hooked.libraries
        library.clock = lambda: 10.0**9
        assert lease(hooked, 3)
        assert lease(hooked, 4) is None


def test_limits_come_and_go_with_the_configuration():
    with x.Hooked(config4()) as hooked:
        assert lease(hooked, 1)
        assert lease(hooked, 2)
        hooked.reload(config4(**{"address-limit": 2}))
        assert lease(hooked, 3) is None
        hooked.reload(config4(**{"address-limit": 3}))
        assert lease(hooked, 3)
        assert lease(hooked, 4) is None
        hooked.reload(config4())
        assert lease(hooked, 4)


def test_a_limit_of_a_template_is_of_each_class_it_spawns():
    floors = {"name": "floor", "template-test": "option[77].hex", "user-context": {"limits": {"address-limit": 1}}}
    with x.Hooked(config4([floors])) as hooked:
        assert lease(hooked, 1, {77: b"a"})
        assert lease(hooked, 2, {77: b"a"}) is None
        assert lease(hooked, 3, {77: b"b"})
        assert lease(hooked, 4)


def test_a_message_that_one_class_refuses_counts_for_none():
    one = {"name": "one", "test": "option[60].exists", "user-context": {"limits": {"rate-limit": "3 packets per day"}}}
    two = {"name": "two", "test": "option[77].exists", "user-context": {"limits": {"rate-limit": "1 packet per day"}}}
    with x.Hooked(config4([one, two])) as hooked:
        both = {60: b"v", 77: b"u"}
        assert [len(hooked.take(message(1, 1, both))) for _ in range(4)] == [1, 0, 0, 0]
        assert [len(hooked.take(message(1, 1, {60: b"v"}))) for _ in range(4)] == [1, 1, 0, 0]


@given(st.lists(st.sampled_from(["lease", "release", "decline", "expire"]), max_size=25), st.data())
def test_no_order_of_events_gives_more_than_the_limit(events, data):
    """However clients take and give back, and leases end: no more than the limit are held, and one if there is room."""
    with x.Hooked(config4(**{"address-limit": 3})) as hooked:
        now = 0.0
        [library] = hooked.libraries
        library.clock = lambda: now
        for event in events:
            now += 10.0
            client = data.draw(st.integers(1, 6))
            own = next((each for each in x.leases(hooked) if each.hwaddr[-1:] == bytes((client,))), None)
            if event == "lease":
                room = own is not None or len(in_subnet(hooked)) < 3
                assert (lease(hooked, client) is not None) is room
            elif event == "expire":
                hooked.now_s += 100_000
                hooked.served.reclaim(hold=False)
            elif own is not None:
                named = {50: own.address.to_bytes(4, "big"), 54: x.SERVER4.to_bytes(4, "big")}
                kind, fields = (7, {"ciaddr": own.address}) if event == "release" else (4, {})
                hooked.take(message(kind, client, named, **fields))
            assert len(in_subnet(hooked)) <= 3
        assert hooked.counted("pkt4-processing-failed") == 0


def in_subnet(hooked):
    return [each for each in x.leases(hooked) if each.state in (0, 1)]


# Counting.


@given(
    st.integers(0, 6),
    st.sampled_from(["second", "minute", "hour", "day"]),
    st.lists(st.floats(0, 40_000), min_size=1, max_size=60),
)
def test_in_no_window_more_packets_than_the_rate(packets, unit, pauses):
    rate = rate_of(f"{packets} packets per {unit}")
    window, now, served = Window(rate), 0.0, []
    for pause in pauses:
        now += pause
        recent = [at for at in served if at >= now - rate.seconds]
        assert window.is_full(now) is (len(recent) >= packets)
        if len(recent) < packets:
            window.note(now)
            served.append(now)


def test_great_rates_need_no_great_memory():
    rate = rate_of("1000000 packets per second")
    window, served = Window(rate), 0
    for step in range(3_000_000 // 16):
        now = step / 1_500_000 * 16
        for _ in range(0 if window.is_full(now) else 16):
            window.note(now)
            served += 1
    assert len(window._moments) <= MOMENTS_MAX + 2
    assert 1_900_000 <= served <= 2_100_000, "two seconds' worth, and a moment"


def test_a_packet_counts_to_the_very_end_of_its_time():
    window = Window(rate_of("1 packet per second"))
    window.note(5.0)
    assert window.is_full(6.0)
    assert not window.is_full(6.000001)


def test_windows_that_clients_words_spawn_do_not_grow_without_end():
    rates, rate = Rates(most=3), rate_of("1 packet per year")
    for name in "abcd":
        rates.window(name, rate).note(0.0)
    assert len(rates) == 3
    assert not rates.window("a", rate).is_full(1.0)
    assert rates.window("d", rate).is_full(1.0)


@pytest.mark.parametrize(
    "text", ["", "3", "3 packets", "x packets per day", "3 packets per days", "-1 packets per day"]
)
def test_what_is_no_rate(text):
    with pytest.raises(LimitError):
        rate_of(text)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["put", "forget"]), st.sets(st.sampled_from("xyz")))))
def test_holders_are_who_was_put_last(steps):
    holders, expected = Holders(), {}
    for at, (address, what, places) in enumerate(steps):
        if what == "put":
            holders.put(address, b"c", sorted(places), float(at))
            expected[address] = places
        else:
            holders.forget(address)
            expected.pop(address, None)
        for place in "xyz":
            assert holders.count(place) == sum(place in each for each in expected.values())
            assert set(holders.oldest(place, 99, 1e9)) == {at for at, each in expected.items() if place in each}


def test_configurations_are_not_changed():
    told = x.RECORDED["limits-v4-class"]["config"]
    before = copy.deepcopy(told)
    with x.Hooked(told):
        assert told == before

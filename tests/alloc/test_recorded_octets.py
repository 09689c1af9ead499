"""Every answer that was recorded from real Kea, octet by octet: where ours is another, REASONS says why.

The judges of script/score_judges compare what answers mean; here everything else must be the same, too.
"""

import importlib

import pytest

from dhcpkit.testing.machine6 import bindings_of
from dhcpkit.wire.dhcp4 import Packet4
from dhcpkit.wire.dhcp6 import Packet6
from dhcpkit.wire.nested6 import Options6, options_octets6

CHADDR, CHADDR_END, FIXED = 28, 44, 240  # of a DHCPv4 message
IA_NA, RELAY_MSG, STATUS_CODE, IA_PD, IA_SIZE = 3, 9, 13, 25, 12


def without_chaddr(exchange, data):
    """The fields for a hardware address left out where its length was none that it may have."""
    if 0 < exchange.sent[2] <= CHADDR_END - CHADDR:
        return data
    return data[:2] + b"\0" + data[3:CHADDR] + bytes(CHADDR_END - CHADDR) + data[CHADDR_END:]


def joined(_exchange, data):
    """Options whole, however they were split."""
    return data[:FIXED] + repr(list(Packet4.parse(data).options.items())).encode()


def placeless(exchange, data):
    """Addresses and prefixes that the server chose left out, where earlier messages decide which are next."""
    if exchange.any_address:
        for binding in bindings_of(Packet6.parse(data)):
            if binding.valid and binding.address.to_bytes(16, "big") not in exchange.sent:
                data = data.replace(binding.address.to_bytes(16, "big"), bytes(16))
    return data


def speechless(_exchange, data):
    """Statuses without their sentences, at any depth."""
    at = 34 if data[0] in (12, 13) else 4  # relayed, or not
    return data[:at] + without_sentences(data[at:])


def without_sentences(octets):
    pairs = []
    for code, payload in Options6(octets).items():
        if code == STATUS_CODE:
            pairs.append((code, payload[:2]))
        elif code in (IA_NA, IA_PD):
            pairs.append((code, payload[:IA_SIZE] + without_sentences(payload[IA_SIZE:])))
        elif code == RELAY_MSG:
            pairs.append((code, speechless(None, payload)))
        else:
            pairs.append((code, payload))
    return options_octets6(pairs)


# What an answer is compared without, how many answers need it, and why. docs/why/differential.md says it to people.
REASONS = {
    "exchanges": [
        (without_chaddr, 2, "a hardware address of no or too much length comes back as it came; Kea clears it"),
        (
            joined,
            2,
            "long options are split where they must be, behind 255 octets (RFC 3396), by Kea behind 253",
        ),
    ],
    "exchanges6": [
        (placeless, 19, "which address is next depends on offers before that the recordings leave out"),
        (speechless, 10, "the sentences of status codes are everybody's own (RFC 8415 21.13)"),
    ],
}


@pytest.mark.parametrize("family", REASONS)
def test_answers_are_kea_s_octet_by_octet(family, shared, repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / "script" / "score_judges"))
    judges = importlib.import_module(family)
    answer_of, heard = judges.answer_of, []

    def listening(lab, exchange):
        ours = answer_of(lab, exchange)
        if exchange.answer is not None:
            heard.append((exchange, exchange.answer[0], ours[0]))
        return ours

    monkeypatch.setattr(judges, "answer_of", listening)
    for judge in judges.__all__:
        getattr(judges, judge)(shared)
    assert len(heard) > 200
    found, wrong = dict.fromkeys((reason for _, _, reason in REASONS[family]), 0), []
    for exchange, kea, ours in heard:
        left, right = kea, ours
        for without, _, reason in REASONS[family]:
            before = left == right
            left, right = without(exchange, left), without(exchange, right)
            found[reason] += not before and left == right
        if left != right:
            wrong.append(f"{exchange.name}: Kea {kea.hex()}, here {ours.hex()}")
    assert not wrong, "\n".join(wrong)
    assert found == {reason: count for _, count, reason in REASONS[family]}


def test_the_page_has_every_reason(repo):
    page = (repo / "docs" / "why" / "differential.md").read_text()
    for family, reasons in REASONS.items():
        for _, count, reason in reasons:
            assert f"| {'v6' if family.endswith('6') else 'v4'} | {count} | {reason} |" in page

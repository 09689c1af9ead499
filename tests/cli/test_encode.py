"""`dhcpkit encode`: what `decode --json` prints gives the same octets again, and what people write is made of."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpkit.cli import Status, main
from dhcpkit.testing.strategies import malformed, packets4, packets6
from dhcpkit.wire import Packet4, Packet6, from_json
from dhcpkit.wire.capture import read_capture

DISCOVER = {"type": "DISCOVER", "chaddr": "02:00:00:00:00:10", "options": [{"name": "host-name", "value": "lab"}]}
SOLICIT = {"type": "SOLICIT", "xid": 1}


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    return stopped.value.code


def written(path, *found):
    path.write_text("\n".join(map(json.dumps, found)))
    return path


def messages(path, capsys, *options):
    """What a file of JSON gives, as octets."""
    assert run("encode", path, *options) == 0
    return [bytes.fromhex(line) for line in capsys.readouterr().out.splitlines() if line]


def test_forms_of_input(tmp_path, capsys, monkeypatch):
    expected = [bytes(from_json(DISCOVER)), bytes(from_json(SOLICIT))]
    path = tmp_path / "messages.json"
    assert messages(written(path, DISCOVER), capsys) == expected[:1]
    assert messages(written(path, DISCOVER, SOLICIT), capsys) == expected
    assert messages(written(path, [DISCOVER, SOLICIT]), capsys) == expected
    path.write_text(json.dumps(DISCOVER, indent=4) + json.dumps(SOLICIT, indent=4) + "\n\n")
    assert messages(path, capsys) == expected
    assert run("encode", path, path) == 0
    assert capsys.readouterr().out.split() == [octets.hex() for octets in expected * 2]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(SOLICIT).encode())))
    assert run("encode") == 0
    assert capsys.readouterr().out.split() == [expected[1].hex()]


def test_forms_of_output(tmp_path, capsysbinary):
    path = written(tmp_path / "messages.json", SOLICIT)
    assert run("encode", "--binary", path) == 0
    assert capsysbinary.readouterr().out == b"\1\0\0\1"
    assert run("encode", "--pcap", "-", path) == 0
    (datagram,) = read_capture(capsysbinary.readouterr().out)
    assert (datagram.port, datagram.dport, datagram.payload) == (546, 547, b"\1\0\0\1")
    assert run("encode", "--pcap", tmp_path / "out.pcap", written(path, DISCOVER, DISCOVER | {"type": "ACK"})) == 0
    request, reply = read_capture((tmp_path / "out.pcap").read_bytes())
    assert (request.port, request.dport, reply.port, reply.dport) == (68, 67, 67, 68)


def test_a_capture_goes_there_and_back(tmp_path, capsys, shared):
    for source in sorted((shared / "kea" / "captures" / "clients").glob("*/traffic.pcap")):
        assert run("decode", "--json", source) == 0
        (tmp_path / "messages.json").write_text(capsys.readouterr().out)
        assert run("encode", "--pcap", tmp_path / "out.pcap", tmp_path / "messages.json") == 0
        ports = {67, 68, 546, 547}
        told = [each for each in read_capture(source.read_bytes()) if ports & {each.port, each.dport}]
        assert list(read_capture((tmp_path / "out.pcap").read_bytes())) == told, source


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # each example writes the file anew
@given(st.lists(st.one_of(malformed(packets4()), packets4().map(bytes), malformed(packets6())), min_size=1, max_size=3))
def test_whatever_decode_shows_has_its_octets(tmp_path, capsys, found):
    capsys.readouterr()
    (tmp_path / "messages.txt").write_text("\n\n".join(data.hex() or "00" for data in found))
    run("decode", "--json", tmp_path / "messages.txt")
    shown = capsys.readouterr().out
    (tmp_path / "messages.json").write_text(shown)
    assert messages(tmp_path / "messages.json", capsys) == [data or b"\0" for data in found]


def test_hexadecimal_digits_go_there_and_back(tmp_path, capsys):
    path = written(tmp_path / "messages.json", DISCOVER, SOLICIT)
    assert run("encode", path) == 0
    (tmp_path / "messages.txt").write_text(capsys.readouterr().out)
    assert run("decode", tmp_path / "messages.txt") == 0
    shown = capsys.readouterr().out
    assert "#1  DISCOVER" in shown
    assert "#2  SOLICIT" in shown


def test_the_family_may_be_told(tmp_path, capsys):
    path = written(tmp_path / "messages.json", {"type": "REQUEST"}, {"type": "REQUEST", "family": 4})
    sent4, sent6 = bytes(Packet4(3)), bytes(Packet6(3))
    assert messages(path, capsys, "-4") == [sent4, sent4]
    assert messages(path, capsys, "-6") == [sent6, sent4]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON here"),
        ("{", "line 1, column 2"),
        ('{"type": "SOLICIT"}\n{"type": }', "line 2, column 10"),
        ("[" * 100_000, "nested too deeply"),
        ('{"type": "REQUEST"}', "family: 4 or 6 expected"),
        ('[{"type": "SOLICIT"}, {"type": "SOLICIT", "options": [{"code": 3, "value": {}}]}]',
         "[1].options[0].value: iaid missing"),
        ('{"type": "SOLICIT", "datagram": 1}', "datagram: an object expected"),
        ('{"type": "SOLICIT", "datagram": {"time": "x"}}', "datagram.time: a time such as"),
        ('{"type": "SOLICIT", "datagram": {"port": 65536}}', "datagram.port: a number"),
        ('{"type": "SOLICIT", "datagram": {"source": "x"}}', "datagram.source: 'x' does not appear"),
        ('{"type": "SOLICIT", "datagram": {"source": 1}}', "datagram.source: an address expected"),
        ('{"type": "SOLICIT", "datagram": {"prot": 1}}', "datagram.prot: no such member"),
        ('{"error": "", "octets": 1}', "octets: hexadecimal digits expected"),
    ],
)  # fmt: skip
def test_mistakes(text, told, tmp_path, capsys):
    path = tmp_path / "messages.json"
    path.write_text(text)
    assert run("encode", path) == Status.NEGATIVE
    printed = capsys.readouterr()
    assert told in printed.err
    assert not printed.out


def test_a_command_line_that_makes_no_sense(tmp_path, capsys):
    path = written(tmp_path / "messages.json", SOLICIT, SOLICIT)
    assert run("encode", "--binary", path) == Status.USAGE
    assert run("encode", "-4", "-6", path) == Status.USAGE
    assert run("encode", "--binary", "--pcap", "-", path) == Status.USAGE
    assert run("encode", tmp_path / "nonesuch") == Status.NEGATIVE
    assert not capsys.readouterr().out

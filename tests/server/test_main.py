"""The program under Kea's name: its switches, exit statuses, and how little `-v` costs."""

import json
import subprocess
import sys

import pytest

from dhcpkit import __version__
from dhcpkit.server.main import UsageError, main, parse


def run(*words, code="from dhcpkit.server.main import main; main()"):
    return subprocess.run([sys.executable, "-c", code, *words], check=False, capture_output=True, text=True)


def test_the_version_comes_first_and_alone():
    found = run("-v")
    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout == f"3.0.0 (dhcpkit {__version__})\n"


def test_the_version_loads_no_server():
    code = """import sys
from dhcpkit.server.main import main
try:
    main(["-v"])
except SystemExit:
    print(*sys.modules)
"""
    loaded = set(run(code=code).stdout.split())
    heavy = {
        "asyncio",
        "attrs",
        "construct",
        "socket",
        "logging",
        "dhcpkit.wire",
        "dhcpkit.alloc",
        "typer",
        "rich",
        "ctypes",
    }
    assert "dhcpkit.server.main" in loaded
    assert loaded & heavy == set()


def test_a_server_loads_nothing_that_only_commands_and_tests_need():
    code = "import sys\nimport dhcpkit.server.daemon, dhcpkit.server.server4\nprint(*sys.modules)"
    loaded = set(run(code=code).stdout.split())
    assert "dhcpkit.server.daemon" in loaded
    assert loaded & {"typer", "rich", "hypothesis", "click", "dhcpkit.testing"} == set()


@pytest.mark.parametrize("switch", ["-V", "-W"])
def test_longer_forms_begin_the_same(switch):
    found = run(switch)
    assert found.returncode == 0
    assert found.stdout.startswith(f"3.0.0 (dhcpkit {__version__})\n")
    assert len(found.stdout.splitlines()) > 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Configuration file not specified."),
        (["-d"], "Configuration file not specified."),
        (["-x"], "option -x not recognized"),
        (["--help"], "option --help not recognized"),
        (["-c"], "option -c requires argument"),
        (["-c", "a.conf", "extra"], "nothing is known about extra"),
        (["-c", "a.conf", "-p", "0"], "Failed to parse server port number: [0], 1-65535 allowed."),
        (["-c", "a.conf", "-p", "70000"], "Failed to parse server port number: [70000], 1-65535 allowed."),
        (["-c", "a.conf", "-P", "x"], "Failed to parse client port number: [x], 1-65535 allowed."),
        (["-c", "a.conf", "-P", "²"], "Failed to parse client port number: [²], 1-65535 allowed."),
    ],
)
def test_a_wrong_command_line_is_explained(words, said, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 1
    told = capsys.readouterr()
    assert said in told.err
    assert "Usage: kea-dhcp4" in told.err
    assert told.out == ""


@pytest.mark.parametrize(("family", "ports"), [(4, ("67", "68")), (6, ("547", "546"))])
def test_each_family_has_its_own_usage(family, ports, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([], family=family)
    assert stopped.value.code == 1
    told = capsys.readouterr().err
    assert f"DHCPv{family} server of dhcpkit" in told
    assert f"Usage: kea-dhcp{family} " in told
    for port in ports:
        assert f"another port than {port} " in told


SUBNET6 = {"id": 1, "subnet": "2001:db8::/64", "pools": [{"pool": "2001:db8::/80"}]}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"Dhcp6": {"subnet6": [SUBNET6]}}, ""),
        ({"Dhcp6": {"subnet6": [{**SUBNET6, "subnet": "192.0.2.0/24"}]}}, "192.0.2.0"),
        ({"Dhcp4": {}}, "expecting Dhcp6"),
        ({"Dhcp6": {"interfaces-config": {"interfaces": ["nosuch0"]}}}, "interface 'nosuch0' doesn't exist"),
        ({"Dhcp6": {"interfaces-config": {"interfaces": ["lo/2001:db8::9"]}}}, "doesn't have address"),
        (
            {"Dhcp6": {"subnet6": [{**SUBNET6, "interface": "nosuch0"}]}},
            "interface name nosuch0 for subnet 2001:db8::/64",
        ),
    ],
)
def test_dhcpv6_configurations_are_checked(tmp_path, config, said, capsys):
    file = tmp_path / "kea.conf"
    file.write_text(json.dumps(config))
    for switch in ("-t", "-T"):
        with pytest.raises(SystemExit) as stopped:
            main([switch, str(file)], family=6)
        assert stopped.value.code == bool(said)
        assert said in capsys.readouterr().err


def test_switches():
    switches = parse(["-d", "-c", "a.conf", "-p", "6767", "-P", "6868", "-X"])
    assert (switches.config, switches.verbose, switches.unchecked) == ("a.conf", True, True)
    assert (switches.port, switches.client_port, switches.check, switches.show) == (6767, 6868, "", "")
    assert parse(["-t", "b.conf"]).check == parse(["-T", "b.conf"]).check == "b.conf"
    assert parse(["-v", "-p", "nonsense"]).show == "v", "the first thing asked for is what is answered"
    with pytest.raises(UsageError):
        parse(["-q"])


@pytest.mark.needs("kea-dhcp4")
@pytest.mark.parametrize("words", [[], ["-x"], ["-c"], ["-c", "a", "b"], ["-p", "0", "-c", "a"], ["-d"], ["-h"]])
def test_real_kea_exits_alike(words, tmp_path):
    env = {"KEA_PIDFILE_DIR": str(tmp_path), "KEA_LOCKFILE_DIR": "none", "PATH": "/usr/sbin:/usr/bin"}
    kea = subprocess.run(["kea-dhcp4", *words], check=False, capture_output=True, text=True, env=env)
    ours = run(*words)
    assert ours.returncode == kea.returncode
    assert bool(ours.stdout) == bool(kea.stdout)
    assert bool(ours.stderr) == bool(kea.stderr)


def test_a_check_says_what_kea_says_of_a_missing_interface(shared, tmp_path, capsys):
    cases = map(json.loads, (shared / "kea/captures/config-errors.jsonl").read_text().splitlines())
    case = next(case for case in cases if case["name"] == "interfaces unknown")
    file = tmp_path / "test.json"
    file.write_text(json.dumps(case["config"], indent=1))
    with pytest.raises(SystemExit) as stopped:
        main(["-t", str(file)])
    assert stopped.value.code == case["exit"]
    assert capsys.readouterr().err.strip() == case["stderr"].replace("/etc/kea/test.json", str(file)).strip()


def test_a_check_of_a_good_file_is_silent(tmp_path, capsys):
    file = tmp_path / "test.json"
    file.write_text('{"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}]}}')
    for switch in ("-t", "-T"):
        with pytest.raises(SystemExit) as stopped:
            main([switch, str(file)])
        assert stopped.value.code == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")

"""What real Kea tells its DDNS server, now, in the conversations of name_cases.py: as our engine does, or for a reason.

Recordings of Kea 3.0.4 are replayed without any Kea in tests/alloc/test_names_recorded.py; here any Kea is asked.
"""

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def module_at(path):
    spec = importlib.util.spec_from_file_location(f"kea_names_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


record_names, recorded = (
    module_at(HERE / "record_names.py"),
    module_at(HERE.parent / "alloc" / "test_names_recorded.py"),
)
pytestmark = [pytest.mark.privileged, pytest.mark.timeout(200)]

# What is different in Kea 2.2 alone.
OLD = {
    "a third is a third, and not .33333: it shows where a lease has no end": lambda at, kea, us: (
        at.link == "infinite" and [without_ttl(each) for each in kea] == [without_ttl(each) for each in us]
    ),
    "a suffix goes behind a dot": lambda at, _kea, _us: at.about == "host Box." or (at.link, at.about) == SUFFIXED,
    "where no character is left of a name, the suffix is": lambda at, _kea, _us: at.about.endswith(" !!"),
    "what a client asks for again is told again": lambda at, kea, _us: (
        at.family == 6 and at.number == 1 and at.about in {"several addresses", "one more"} and len(kea) == 1
    ),
}
SUFFIXED = "reserved", "role 2"


def without_ttl(request):
    return request | {"lease-length": 0}


@pytest.mark.parametrize("talking_class", [recorded.Talking4, recorded.Talking6])
def test_dns_hears_what_kea_tells(place, tmp_path, talking_class):
    family = talking_class.family
    if record_names.real_kea.program(family) is None:
        pytest.skip(f"needs kea-dhcp{family}")
    recording = record_names.recording(place, family, tmp_path)
    wrong, told, _ = recorded.compared(recording, talking_class, OLD if recording["kea"] < "3" else ())
    assert not wrong, "\n".join(wrong)
    assert told > 200

"""One target under atheris: the name, and libFuzzer's arguments behind it. script/fuzz calls it."""

import sys

import atheris  # type: ignore[import-not-found]  # an extra: requirements/fuzz.txt

with atheris.instrument_imports(include=["dhcpkit"]):
    from dhcpkit.testing.fuzz_targets import TARGETS

if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()

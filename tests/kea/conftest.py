"""A place for real Kea, once for all tests of a worker, and Keas in it by their configurations."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("kea_real_kea", Path(__file__).parent / "real_kea.py")
real_kea = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(real_kea)


@pytest.fixture(scope="session")
def place():
    """Two namespaces; gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    made = real_kea.Place(f"dhcpkit-kea-{os.getpid()}-")
    try:
        made.up()
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        made.down()
        pytest.skip(f"needs network namespaces: {getattr(error, 'stderr', error)}")
    yield made
    made.down()


@pytest.fixture(scope="module")
def kea_of(place, tmp_path_factory):
    """`kea_of(family, world)`: a running Kea, its world, and the file of our configuration."""
    running = []

    def start(family, world):
        if real_kea.program(family) is None:
            pytest.skip(f"needs kea-dhcp{family}")
        for kea in running:  # they share ports
            kea.close()
        folder = Path(real_kea.DEBUG) / world.name if real_kea.DEBUG else tmp_path_factory.mktemp(world.name)
        folder.mkdir(parents=True, exist_ok=True)
        version = real_kea.version(family)
        ours = folder / "ours.json"
        ours.write_text(json.dumps(world.config(version, folder, ours=True), indent=1))
        kea = real_kea.Kea(place, family, world.config(version, folder, debug=bool(real_kea.DEBUG)), folder)
        running.append(kea)
        kea.start()
        return kea, world, ours

    yield start
    for kea in running:
        kea.close()

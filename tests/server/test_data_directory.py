"""`data-directory`: where a server finds and keeps what the configuration names no place for."""

import json

import pytest

from dhcpkit.config import load4, load6
from dhcpkit.server.programs import PROGRAM4, PROGRAM6


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("configured", "of the environment"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("KEA_DHCP_DATA_DIR", str(tmp_path / "of the environment"))
    return tmp_path


def loaded(folders, family, folder):
    keys = {"data-directory": str(folders / "configured")} if folder == "configured" else {}
    path = folders / "kea.conf"
    path.write_text(json.dumps({f"Dhcp{family}": keys | ({"server-id": {"type": "EN"}} if family == 6 else {})}))
    return (load4 if family == 4 else load6)(path)


@pytest.mark.parametrize("folder", ["configured", "of the environment"])
def test_leases_are_kept_there(folders, folder):
    for program in (PROGRAM4, PROGRAM6):
        doc = loaded(folders, program.family, folder).doc
        program.open_store(doc.lease_database, doc.data_directory)
        assert (folders / folder / program.lease_file).exists()
    assert len(list(folders.glob("*/kea-leases?.csv"))) == 2


@pytest.mark.parametrize("folder", ["configured", "of the environment"])
def test_a_server_keeps_its_name_there(folders, folder):
    """A DUID that Kea left is the server's: clients renew with it."""
    (folders / folder / "kea-dhcp6-serverid").write_text("00:02:00:00:09:bf:01:02:03:04\n")
    config = loaded(folders, 6, folder)
    PROGRAM6.settle(config)
    assert config.network.server_id.octets == bytes.fromhex("0002000009bf01020304")

"""One server for each configuration file, and whose fault it is when a port is taken."""

import os
import socket
import subprocess
import sys

import pytest

from dhcpkit.server.process import AlreadyRunning, PidFile, holder_of_port, tell_service_manager


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KEA_PIDFILE_DIR", str(tmp_path))
    return tmp_path


def test_a_pid_file_comes_and_goes(folder):
    with PidFile("/etc/kea/kea-dhcp4.conf", "kea-dhcp4") as pid_file:
        assert pid_file.path == folder / "kea-dhcp4.kea-dhcp4.pid"
        assert int(pid_file.path.read_text()) == os.getpid()
        assert pid_file.path.stat().st_mode & 0o777 in (0o640, 0o600)
    assert list(folder.iterdir()) == []


def test_a_second_server_is_refused(folder):
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        (folder / "a.p.pid").write_text(f"{other.pid}\n")
        with pytest.raises(AlreadyRunning) as caught, PidFile("a.conf", "p"):
            pass
        assert caught.value.pid == other.pid
        assert str(other.pid) in str(caught.value)
        assert (folder / "a.p.pid").exists(), "it is the other one's"
    finally:
        other.communicate()


def test_what_a_dead_server_left_does_not_matter(folder):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (folder / "a.p.pid").write_text(f"{gone.pid}\n")
    with PidFile("a.conf", "p") as pid_file:
        assert int(pid_file.path.read_text()) == os.getpid()


def test_a_pid_file_with_garbage_is_not_overwritten(folder):
    (folder / "a.p.pid").write_text("garbage")
    with pytest.raises(OSError, match="does not hold a number"), PidFile("a.conf", "p"):
        pass
    assert (folder / "a.p.pid").read_text() == "garbage"


def test_no_folder(monkeypatch):
    monkeypatch.setenv("KEA_PIDFILE_DIR", "/proc/nowhere")
    with pytest.raises(OSError, match="No such file"), PidFile("a.conf", "p"):
        pass


def test_who_holds_a_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert holder_of_port(port).endswith(f"(process {os.getpid()})")
    assert holder_of_port(port) == ""


@pytest.mark.parametrize("abstract", [False, True])
def test_a_service_manager_is_told(folder, monkeypatch, abstract):
    name = f"\0dhcpkit-{os.getpid()}" if abstract else str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        tell_service_manager("READY=1", "STATUS=fine")
        assert manager.recv(1000) == b"READY=1\nSTATUS=fine"
        tell_service_manager("RELOADING=1", since_boot=True)
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    tell_service_manager("READY=1")  # nobody there: no harm
    monkeypatch.delenv("NOTIFY_SOCKET")
    tell_service_manager("READY=1")

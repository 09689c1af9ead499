"""Certificates for whoever speaks TLS."""

import subprocess

import pytest


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A folder with an authority, a certificate of it for 127.0.0.1, and one for a client."""
    folder = tmp_path_factory.mktemp("authority")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")

    def openssl(*words):
        subprocess.run(["openssl", "req", "-x509", *key, *words], check=True, capture_output=True, cwd=folder)

    openssl("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=lab")
    signed = ("-CA", "ca.pem", "-CAkey", "ca.key")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1"), ("client", "extendedKeyUsage=clientAuth")):
        subject = f"/CN=lab-{name}"
        openssl("-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", subject, "-addext", extension, *signed)
    return folder

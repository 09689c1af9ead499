"""The documents of the control agent, `Control-agent`: where it listens, who may use it, and the servers behind it.

Keys and defaults are Kea's. This module does not know sockets.
"""

from __future__ import annotations

from typing import Final

import attrs

from dhcpkit.config.contacts import check_socket
from dhcpkit.config.errors import Problem
from dhcpkit.config.json_text import FileName, Read, Source, read_file
from dhcpkit.config.load import read_document
from dhcpkit.config.param import Document, document, param
from dhcpkit.config.surroundings import (
    U16,
    AuthenticationDoc,
    CommentedDoc,
    ControlSocketDoc,
    HooksLibraryDoc,
    HttpHeaderDoc,
    LoggerDoc,
)

__all__ = [
    "ROOT",
    "SERVICES",
    "AgentDoc",
    "ForwardSocketDoc",
    "LoadedAgent",
    "ServicesDoc",
    "load_agent",
    "parse_agent",
]

ROOT: Final = "Control-agent"


@document("control-socket")
class ForwardSocketDoc(CommentedDoc):
    """The control socket of a server to which the agent passes commands on."""

    socket_type: str = param(default="unix", choices=("unix",), doc="The kind of socket; unix is the only one.")
    socket_name: str = param(doc="The path of the server's control socket.")


@document("control-sockets")
class ServicesDoc(Document):
    """The servers behind the agent, by the name that `service` of a command has for them."""

    dhcp4: ForwardSocketDoc | None = param(default=None, doc="The DHCPv4 server.")
    dhcp6: ForwardSocketDoc | None = param(default=None, doc="The DHCPv6 server.")
    d2: ForwardSocketDoc | None = param(default=None, doc="The server for updates of DNS.")


SERVICES = tuple(ServicesDoc.params)


@document(ROOT)
class AgentDoc(CommentedDoc):
    """The control agent: one HTTP socket in front of several servers."""

    http_host: str = param(default="127.0.0.1", doc="The address that the agent listens at.")
    http_port: int = param(default=8000, low=0, high=U16, doc="The port that the agent listens at.")
    http_headers: tuple[HttpHeaderDoc, ...] = param(default=(), doc="Headers added to answers.")
    trust_anchor: str = param(default="", doc="The certificate authority of clients, for TLS.")
    cert_file: str = param(default="", doc="The agent's certificate for TLS.")
    key_file: str = param(default="", doc="The agent's key for TLS.")
    cert_required: bool = param(default=True, doc="Whether clients must show a certificate.")
    authentication: AuthenticationDoc = param(
        default=AuthenticationDoc(type="basic"), filled=True, doc="How users show who they are."
    )
    control_sockets: ServicesDoc = param(default=ServicesDoc(), filled=True, doc="The servers behind the agent.")
    hooks_libraries: tuple[HooksLibraryDoc, ...] = param(default=(), doc="Hook libraries; `rbac` is of use here.")
    loggers: tuple[LoggerDoc, ...] = param(default=(), doc="What is logged, and where to.")

    @property
    def socket(self) -> ControlSocketDoc:
        """Where the agent listens, in the form that servers have for it."""
        return ControlSocketDoc(
            socket_type="https" if self.trust_anchor else "http",
            socket_address=self.http_host,
            socket_port=self.http_port,
            trust_anchor=self.trust_anchor,
            cert_file=self.cert_file,
            key_file=self.key_file,
            cert_required=self.cert_required,
            http_headers=self.http_headers,
            authentication=self.authentication,
        )

    @property
    def services(self) -> dict[str, str]:
        """The paths of the servers' control sockets, by service."""
        found = {name: getattr(self.control_sockets, name) for name in SERVICES}
        return {name: socket.socket_name for name, socket in found.items() if socket is not None}


@attrs.frozen(eq=False)
class LoadedAgent:
    """A configuration of an agent that can be used, its text with its places, and warnings."""

    doc: AgentDoc
    source: Source
    warnings: tuple[Problem, ...]


def load_agent(path: FileName, read_text: Read = read_file) -> LoadedAgent:
    """Reads the configuration of an agent. Raises ConfigError with every problem found.

    `read_text` is how files are read, the configuration and what it includes.
    """
    source, report, doc = read_document(path, ROOT, AgentDoc, read_text)
    if not report.failed:
        check_socket(doc.socket, (ROOT,), report)
    report.notice_idle()
    if report.failed:
        raise report.error()
    return LoadedAgent(doc, source, report.sorted())


def parse_agent(text: str, name: str = "<string>") -> LoadedAgent:
    """As `load_agent`, from a text that has no file of its own."""
    return load_agent(name, lambda file: text if file == name else read_file(file))

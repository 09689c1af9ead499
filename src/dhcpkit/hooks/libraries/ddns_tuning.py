"""Clients' names made by expressions, and clients whose names DNS is not told.

Kea's `ddns_tuning`: `hostname-expr` of the library, or of a subnet in its `user-context` under `ddns-tuning`, where an
empty one means none; and the class SKIP_DDNS. A client that gets a lease costs a look-up and, where there is one, the
evaluation of its expression; other messages cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dhcpkit.alloc.evaluate import Unfit
from dhcpkit.alloc.expressions import ExpressionError
from dhcpkit.alloc.naming import qualified
from dhcpkit.alloc.points import Ddns4Update, NextStep
from dhcpkit.alloc.points6 import Ddns6Update
from dhcpkit.config.param import Document, document, param
from dhcpkit.hooks.catalogue import Both
from dhcpkit.hooks.expressions import Language, Value, contexts_of_subnets
from dhcpkit.hooks.library import Library, on
from dhcpkit.hooks.points import Dhcp4SrvConfigured, Dhcp6SrvConfigured
from dhcpkit.wire.names import split_name

__all__ = ["DdnsTuning", "DdnsTuningParameters"]

_log = Both("ddns-tuning-hooks")
TRACE: Final = 40  # Kea's debug level of what the library does with each message

DDNS_TUNING_CALCULATED_HOSTNAME = _log.debug(
    "DDNS_TUNING#_CALCULATED_HOSTNAME", TRACE,
    "Replacing host name: {before}, with calculated host name: {name}, for query: {client}",
    "An expression made another name for a client than it has otherwise.",
)  # fmt: skip
DDNS_TUNING_GLOBAL_EXPR_SET = _log.info(
    "DDNS_TUNING_GLOBAL_EXPR_SET", "Global hostname expression set to: {expression}",
    "The library was told an expression that holds wherever a subnet says none.",
)  # fmt: skip
DDNS_TUNING_LOAD_OK = _log.info(
    "DDNS_TUNING_LOAD_OK", "DDNS Tuning hooks library loaded successfully.", "The library was loaded."
)
DDNS_TUNING_PROCESS_ERROR = _log.error(
    "DDNS_TUNING#_PROCESS_ERROR", "An error occurred processing query {client}: {reason}",
    "The expression makes no sense for this client, which keeps the name that it has otherwise.",
)  # fmt: skip
DDNS_TUNING_SKIPPING_DDNS = _log.debug(
    "DDNS_TUNING#_SKIPPING_DDNS", TRACE, "Client is in class SKIP_DDNS, skipping DDNS updates, query: {client}",
    "DNS hears nothing of this client's lease.",
)  # fmt: skip
DDNS_TUNING_SUBNET_EXPRESSION_PARSE = _log.debug(
    "DDNS_TUNING_SUBNET_EXPRESSION_PARSE", TRACE,
    "Parsing subnet expression ({expression}) for subnet with ID {subnet}",
    "A subnet has an expression of its own.",
)  # fmt: skip
DDNS_TUNING_SUBNET_EXPRESSION_PARSE_ERROR = _log.error(
    "DDNS_TUNING_SUBNET_EXPRESSION_PARSE_ERROR",
    "An error occurred while parsing the hostname expression for subnet with ID {subnet}, {reason}",
    "A subnet's `hostname-expr` is no expression. The configuration is refused.",
)  # fmt: skip
DDNS_TUNING_UNLOAD = _log.info(
    "DDNS_TUNING_UNLOAD", "DDNS Tuning hooks library has been unloaded", "The library was let go."
)

KEY, EXPRESSION = "ddns-tuning", "hostname-expr"
SKIP_DDNS: Final = "SKIP_DDNS"


@document("parameters")
class DdnsTuningParameters(Document):
    """How clients are named."""

    hostname_expr: str = param(default="", doc="An expression whose value is the client's name. Empty: none.")


class DdnsTuning(Library):
    """Names clients by expressions, and keeps names of some from DNS (Kea: `libdhcp_ddns_tuning.so`)."""

    name = "ddns_tuning"
    parameters = DdnsTuningParameters
    told: DdnsTuningParameters

    async def load(self) -> None:
        """Gets ready. Expressions are compiled once the configuration whose options they may name is known."""
        self._global: Value | None = None
        self._subnets: dict[int, Value | None] = {}
        family = self.operated.family
        if self.told.hostname_expr:
            DDNS_TUNING_GLOBAL_EXPR_SET.of(family).log(expression=self.told.hostname_expr)
        DDNS_TUNING_LOAD_OK.of(family).log()

    @on(Dhcp4SrvConfigured)
    @on(Dhcp6SrvConfigured)
    def check(self, point: Dhcp4SrvConfigured | Dhcp6SrvConfigured) -> NextStep | None:
        """Refuses a configuration with an expression that is none."""
        try:
            self._compiled(point.server_config, point.network)
        except ExpressionError as error:
            point.error = f"Errors were detected in the ddns tuning hooks library configuration: {error}"
            return NextStep.DROP
        return None

    async def configured(self) -> None:
        """Compiles the expressions, which may name options that the configuration defines."""
        self._global, self._subnets = self._compiled(self.operated.doc, self.operated.network)

    async def unload(self) -> None:
        """Nothing is left to do."""
        DDNS_TUNING_UNLOAD.of(self.operated.family).log()

    def _compiled(self, doc: Any, network: Any) -> tuple[Value | None, dict[int, Value | None]]:
        """The expression that holds everywhere, and those of subnets, None for an empty one. Raises ExpressionError."""
        family = self.operated.family
        language = Language(doc, family)
        everywhere = language.text(self.told.hostname_expr) if self.told.hostname_expr else None
        subnets: dict[int, Value | None] = {}
        for subnet, context in contexts_of_subnets(doc, network, family):
            told = context.get(KEY)
            expression = told.get(EXPRESSION) if isinstance(told, Mapping) else None
            if not isinstance(expression, str):
                continue  # Kea passes over what is no text
            DDNS_TUNING_SUBNET_EXPRESSION_PARSE.of(family).log(expression=expression, subnet=subnet)
            try:
                subnets[subnet] = language.text(expression) if expression else None
            except ExpressionError as error:
                DDNS_TUNING_SUBNET_EXPRESSION_PARSE_ERROR.of(family).log(subnet=subnet, reason=error)
                raise
        return everywhere, subnets

    @on(Ddns4Update)
    @on(Ddns6Update)
    def tune(self, point: Ddns4Update | Ddns6Update) -> None:
        """Names the client, and keeps the name from DNS where it is in SKIP_DDNS."""
        family = self.operated.family
        subnet: Any = point.subnet
        value = self._subnets.get(subnet.id, self._global) if subnet is not None else None
        if value is not None:
            try:
                self._name(point, value)
            except (Unfit, ValueError) as error:
                DDNS_TUNING_PROCESS_ERROR.of(family).log(client=point.packet, reason=error)
                return
        if SKIP_DDNS in point.classes:
            if DDNS_TUNING_SKIPPING_DDNS.of(family).on:
                DDNS_TUNING_SKIPPING_DDNS.of(family).log(client=point.packet)
            point.forward = point.reverse = False

    def _name(self, point: Ddns4Update | Ddns6Update, value: Value) -> None:
        """Raises Unfit, and ValueError where the value is no name."""
        name = value(point.packet, point.classes).decode("utf-8")
        if not name or name == point.hostname:
            return
        complete = self.operated.family == 6
        if "." not in name.removesuffix("."):  # Kea: a name of one label is not qualified yet
            name = qualified(name, point.naming, complete=complete)
        if "\\" in name:  # an escaped character would be another one to whoever does not know about them
            raise ValueError(f"{name!r} has a backslash")
        split_name(name)
        family = self.operated.family
        if DDNS_TUNING_CALCULATED_HOSTNAME.of(family).on:
            told = DDNS_TUNING_CALCULATED_HOSTNAME.of(family)
            told.log(before=point.hostname, name=name, client=point.packet)
        point.hostname = name

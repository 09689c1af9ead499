"""What holds for clients' names at a level of the configuration: Kea's `ddns-` keys, resolved.

How a name is chosen is `names`' business; this module knows no packets and no DNS.
"""

from __future__ import annotations

import attrs

__all__ = ["KEA_NAMING", "Naming"]


@attrs.frozen
class Naming:
    """How clients are named, and what DNS is told. Keys are Kea's; the lifetimes of records are seconds.

    `char_set` is a regular expression for characters that `char_replacement` stands in for; empty: names stay as they
    are. `ttl` 0 is "not set": a part `ttl_percent` of the lease's lifetime holds then, within the bounds given.
    """

    send_updates: bool = True
    override_no_update: bool = False
    override_client_update: bool = False
    replace_client_name: str = "never"
    generated_prefix: str = "myhost"
    qualifying_suffix: str = ""
    update_on_renew: bool = False
    conflict_resolution_mode: str = "check-with-dhcid"
    ttl: int = 0
    ttl_percent: float = 0.0
    ttl_min: int = 0
    ttl_max: int = 0
    char_set: str = "[^A-Za-z0-9.-]"
    char_replacement: str = ""


KEA_NAMING = Naming()

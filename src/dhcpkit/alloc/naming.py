"""What holds for clients' names at a level of the configuration: Kea's `ddns-` keys, resolved.

How a name is chosen is `names`' business; this module knows no packets and no DNS.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Final

import attrs

__all__ = ["KEA_NAMING", "NO_UPDATES", "Naming", "pattern_fault", "qualified", "scrubbed"]


THIRD: Final = 0.33333  # of a lease's lifetime (Kea writes it so)
TTL_MIN: Final = 600  # seconds
CHARACTERS: Final = {  # what POSIX's classes are in the C locale
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "digit": "0-9",
    "lower": "a-z",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "A-Fa-f0-9",
}


@attrs.frozen
class Naming:
    """How clients are named, and what DNS is told. Keys are Kea's; the lifetimes of records are seconds.

    `char_set` is a regular expression for characters that `char_replacement` stands in for; empty: names stay as they
    are. `ttl` 0 is "not set": a part `ttl_percent` of the lease's lifetime holds then, within the bounds given. Where
    it is not `enabled` (`enable-updates` of `dhcp-ddns`) DNS hears nothing, not even of names it was told before.
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
    enabled: bool = True

    def answer_to(self, *, updates: bool, none: bool) -> tuple[bool, bool]:
        """The server's flags S and N for a client's (RFC 4702 4, RFC 4704 6.1, and Kea's `ddns-override-` keys)."""
        if not self.send_updates:
            return False, True
        if none:
            return self.override_no_update, not self.override_no_update
        return updates or self.override_client_update, False

    @property
    def makes_missing(self) -> bool:
        """Whether clients that say no name are given one."""
        return self.replace_client_name in {"always", "when-not-present"}

    @property
    def makes_instead(self) -> bool:
        """Whether clients are given another name than they say."""
        return self.replace_client_name in {"always", "when-present"}

    def time_to_live(self, lifetime: int) -> int:
        """How long records live, in seconds, for a lease of so many (RFC 4702 5: a third, and 10 minutes at least)."""
        if self.ttl:
            return self.ttl
        made = max(round((self.ttl_percent or THIRD) * lifetime), self.ttl_min or TTL_MIN)
        return min(made, self.ttl_max) if self.ttl_max and made > (self.ttl_min or TTL_MIN) else made

    @property
    def answers_only(self) -> bool:
        """Whether a client's name is nothing but an option in its answer: no updates, and no names of our making."""
        return not self.send_updates and self.replace_client_name == "never"


KEA_NAMING: Final = Naming()  # what Kea does where updates are enabled and nothing else is said
NO_UPDATES: Final = Naming(
    send_updates=False, enabled=False
)  # and where they are not, as in a configuration that says nothing


def qualified(name: str, naming: Naming, *, complete: bool) -> str:
    """A name with the qualifying suffix behind it, unless it ends in that or in a dot (Kea).

    A `complete` one has a dot at its end, any other has none.
    """
    suffix = naming.qualifying_suffix.strip(".")
    bare = name.removesuffix(".")
    if suffix and bare == name and name != suffix and not name.endswith(f".{suffix}"):
        bare = f"{name}.{suffix}"
    return f"{bare}." if complete else bare


def scrubbed(text: str, naming: Naming) -> str:
    """What is left of a name, or of a label, once unwanted characters are replaced (Kea: `hostname-char-set`).

    Nothing is left where the pattern for them is none (Kea).
    """
    if not naming.char_set:
        return text
    pattern = _regex(naming.char_set)
    if isinstance(pattern, str):
        return ""
    replacement = naming.char_replacement
    return pattern.sub(lambda _: replacement, text)


def pattern_fault(text: str) -> str:
    """What keeps a text from being a regular expression; empty where nothing does."""
    pattern = _regex(text)
    return pattern if isinstance(pattern, str) else ""


@lru_cache(maxsize=64)
def _regex(text: str) -> re.Pattern[str] | str:
    """A pattern, or what is wrong with it. Classes of characters may be POSIX's, whose patterns are meant."""
    for name, characters in CHARACTERS.items():
        text = text.replace(f"[:{name}:]", characters)
    try:
        with warnings.catch_warnings():  # of brackets that only look as if they meant something
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)

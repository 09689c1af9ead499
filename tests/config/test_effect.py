"""Keys without effect are marked as such, and only those: a key that nothing reads must say so in the reference."""

import ast

from dhcpkit.config.dhcp4 import Dhcp4Doc
from dhcpkit.config.param import walk

KEPT = {"user_context", "comment"}  # for people: kept, shown, and never meant to have an effect


def read_in(source):
    """Every name the package reads from something: attributes, and texts that may be names for getattr."""
    for path in source.rglob("*.py"):
        if path.parent.name == "testing" or path.relative_to(source).as_posix() == "config/dhcp4.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_a_key_that_nothing_reads_is_marked(repo):
    read = set(read_in(repo / "src" / "dhcpkit"))
    unmarked = {
        f"{cls.__name__}.{declared.name}"
        for cls in walk(Dhcp4Doc)
        for declared in cls.params.values()
        if not declared.idle and declared.name not in read | KEPT and declared.name.replace("_", "-") not in read
    }
    assert unmarked == set()

"""The libraries that look at packets, in a server that runs as a process: loaded together, refused, let go."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("control_process", Path(__file__).with_name("test_control.py"))
control = importlib.util.module_from_spec(spec)
spec.loader.exec_module(control)

EXPRESSION = {4: "option[place].hex", 6: "option[place].hex"}


def libraries(family, folder):
    told = {
        "bootp": {},
        "flex_id": {"identifier-expression": EXPRESSION[family], "replace-client-id": True},
        "flex_option": {"options": [{"name": "place", "add": EXPRESSION[family]}]},
        "user_chk": {"registry-file": str(folder / "registry"), "outcome-file": str(folder / "outcome")},
        "ddns_tuning": {"hostname-expr": EXPRESSION[family]},
        "limits": {},
        "perfmon": {"enable-monitoring": True},
    }
    if family == 6:
        del told["bootp"]
    return [{"library": f"/usr/lib/kea/hooks/libdhcp_{name}.so", "parameters": each} for name, each in told.items()]


@pytest.fixture(params=[4, 6])
def running(tmp_path, request):
    family = request.param
    (tmp_path / "registry").write_text("")
    made = control.Running(
        tmp_path,
        family,
        **{
            "hooks-libraries": libraries(family, tmp_path),
            "option-def": [{"name": "place", "code": 230, "type": "string"}],
        },
    )
    yield made
    made.end()


def test_all_of_them_are_loaded_in_one_server(running):
    log = running.log.read_text()
    for name in ("flex_id", "flex_option", "user_chk", "ddns_tuning", "limits", "perfmon"):
        assert "HOOKS_LIBRARY_LOADED" in log
        assert name in log
    assert "HOOKS_LIBRARY_FAULT" not in log
    assert "has no effect yet" not in log
    answer = running.ask("perfmon-control")
    assert answer["arguments"] == {"enable-monitoring": True, "stats-mgr-reporting": True}
    assert running.ask("perfmon-get-all-durations")["result"] == 3


def test_a_configuration_that_a_library_cannot_work_with_is_refused(running):
    """A limit that is none, an expression about an option that is gone: the one before stays in force."""
    key = f"subnet{running.family}"
    [subnet] = running.config[key]
    limited = subnet | {"user-context": {"limits": {"rate-limit": "3 packets per fortnight"}}}
    for wrong, told in (
        (running.config | {key: [limited]}, "invalid time period fortnight"),
        ({name: each for name, each in running.config.items() if name != "option-def"}, "place"),
    ):
        running.write(wrong)
        answer = running.ask("config-reload")
        assert answer["result"] == 1
        assert told in answer["text"]
        answer = running.ask("config-set", arguments={running.root: wrong})
        assert answer["result"] == 1
        assert told in answer["text"]
    assert "option-def" in running.ask("config-get")["arguments"][running.root]
    running.write(
        {name: each for name, each in running.config.items() if name not in ("option-def", "hooks-libraries")}
    )
    assert running.ask("config-reload")["result"] == 0
    assert running.ask("perfmon-control")["result"] == 2

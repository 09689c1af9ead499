"""A message from JSON, changed, and shown as JSON again."""

import json

from dhcpkit.wire import from_json, to_json

packet = from_json(
    {
        "type": "DISCOVER",
        "chaddr": "02:00:00:00:00:10",
        "options": [
            {"name": "host-name", "value": "printer-7"},
            {"name": "dhcp-parameter-request-list", "text": "1, 3, 6"},
            {"code": 224, "octets": "0a0b"},
        ],
    }
)
shown = to_json(packet)
shown["giaddr"] = "192.0.2.1"
shown["options"].append({"name": "dhcp-agent-options", "value": [{"name": "circuit-id", "value": "65746831"}]})
print(bytes(from_json(shown)).hex())
print(json.dumps(shown["options"][2]))

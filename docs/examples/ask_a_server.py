"""How full are the pools? Asks a server over its control socket: `python ask_a_server.py /run/kea/kea4-ctrl-socket`."""

import sys

from dhcpkit.api import Client, Unreachable

client = Client(sys.argv[1])  # or "https://192.0.2.1:8004/", with ca, cert and key, user and password
try:
    (answer,) = client.ask("statistic-get-all")
except Unreachable as error:
    sys.exit(f"{client.place}: {error}")
for name, ((value, _), *_) in answer.arguments.items():
    if name.endswith(".total-addresses") and name.count(".") == 1:
        assigned = answer.arguments[name.replace("total", "assigned")][0][0]
        print(f"{name.partition('.')[0]}: {assigned} of {value} addresses are assigned")

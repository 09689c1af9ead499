"""`python -m dhcpkit` is the program `dhcpkit`."""

from dhcpkit.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()

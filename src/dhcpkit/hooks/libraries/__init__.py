"""The bundled hook libraries: each module has one, under the name Kea has for it (`libdhcp_NAME.so`)."""

__all__: list[str] = []

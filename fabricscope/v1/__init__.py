"""Messages and service of the wire, generated from proto/ by `make generate`."""

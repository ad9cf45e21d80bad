"""The flight recorder: evidence kept on this host, frozen to a file when something happens."""

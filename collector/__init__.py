"""The collector: receives what probes send, keeps it, and shows it."""

"""The probe: the daemon on every host and Linux switch."""

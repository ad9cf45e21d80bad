"""When samplers run, how long they may, and what their counters are worth."""

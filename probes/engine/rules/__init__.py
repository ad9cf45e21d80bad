"""What a flow is, by the first octets of each side, in plain Python: the specification of engine/src/rules."""

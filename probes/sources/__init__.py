"""The only code that touches kernel, driver or BMC, below roots that tests replace."""

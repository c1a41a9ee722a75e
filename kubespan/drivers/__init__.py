"""Hands and eyes: the only code that touches the host or the network. No decisions."""

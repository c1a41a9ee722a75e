"""Verbs: pure functions from values to values. No I/O, no state, no clocks."""

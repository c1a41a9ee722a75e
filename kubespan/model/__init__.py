"""Nouns: frozen values that check themselves. No decisions, no I/O, no clocks."""

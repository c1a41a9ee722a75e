"""Bytes: model to bytes and back, exact. No I/O, no randomness."""

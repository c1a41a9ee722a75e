"""Decisions, one per file: what is read, what is written, by which logic. No I/O."""

"""The mesh link and its WireGuard, by kernel or by program."""

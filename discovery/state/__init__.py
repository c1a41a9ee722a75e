"""What the service remembers, in memory and pure: no I/O, and time is an argument."""

"""A world of namespaces on one machine. Imports nothing of the daemon."""

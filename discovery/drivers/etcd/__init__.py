"""Speaks to etcd, version 3; what the keys and values mean is not known here."""

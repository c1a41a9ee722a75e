"""Clock, certificates and log lines: the only code here that touches the host."""

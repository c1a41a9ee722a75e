"""The operating system: addresses, routes, rules, firewall and switches."""

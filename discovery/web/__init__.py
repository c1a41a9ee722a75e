"""Pages for people, probes for orchestrators, metrics for dashboards; plain HTTP."""

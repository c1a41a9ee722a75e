"""The load of many affiliates and watchers, on any discovery server."""

"""From a request to the state and back: the only room that knows gRPC calls."""

"""What becomes of the other nodes: claims, endpoints, health."""

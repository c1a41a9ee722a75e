"""What the host must have so that the mesh works, and the way there."""

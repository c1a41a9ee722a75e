"""Words: what the operator types and reads. No decisions about the mesh."""

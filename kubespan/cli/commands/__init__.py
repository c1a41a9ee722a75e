"""One command each. No decisions about the mesh."""

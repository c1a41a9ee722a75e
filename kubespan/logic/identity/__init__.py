"""Who we are: derived, never configured."""

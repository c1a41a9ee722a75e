"""What the operator wrote: YAML text to a checked Config. No files, no decisions."""

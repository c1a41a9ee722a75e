"""The management contract between daemon and operators. No decisions."""

"""The discovery service: keeps what nodes publish, and cannot read it."""

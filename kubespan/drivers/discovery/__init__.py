"""Conversations with discovery services. No other room speaks their API."""

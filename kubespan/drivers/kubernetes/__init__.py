"""Conversations with the Kubernetes API."""

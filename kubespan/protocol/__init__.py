"""Conversations: sans-IO state machines told what happened and when. No sockets."""

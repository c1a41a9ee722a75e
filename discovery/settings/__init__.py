"""What the operator wants: flags and environment, read once into ``Settings``."""

from discovery.settings.command_line import PROGRAM, parse_settings
from discovery.settings.settings import Settings
from discovery.settings.values import parse_duration

__all__ = ["PROGRAM", "Settings", "parse_duration", "parse_settings"]

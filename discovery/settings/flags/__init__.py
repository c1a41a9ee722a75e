"""The table of flags: name, field, how it is read, and what the operator reads.

Names and defaults of the reference are kept where they exist there (discovery.md
3.2), with one difference on purpose: no header is trusted by default.
"""

from discovery.settings.flags.admitting import ADMITTING
from discovery.settings.flags.flag import Flag, Group
from discovery.settings.flags.limiting import LIMITING
from discovery.settings.flags.logs import LOGGING
from discovery.settings.flags.serving import SERVING
from discovery.settings.flags.storing import STORING

__all__ = ["FLAGS", "GROUPS", "Flag", "Group"]

GROUPS = (
    Group("what is served, and where", SERVING),
    Group("where records are kept", STORING),
    Group("who is served", ADMITTING),
    Group("how much is served", LIMITING),
    Group("what is logged", LOGGING),
)
FLAGS = tuple(flag for group in GROUPS for flag in group.flags)

"""What the lab refuses, said to the person who asked for it."""

from kubespan.errors import KubeSpanError


class LabError(KubeSpanError):
    """The lab cannot do what was asked; the text says what to do about it."""

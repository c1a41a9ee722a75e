"""KubeSpan for every Linux: the daemon of a node and the command line that asks it."""

__version__ = "0.1.0"

"""How many files and connections the host lets this process have open."""

import resource

# What is no connection to the API: store, log, pages, libraries.
OTHER_FILES = 512


def raise_file_limit() -> None:
    """Let this process open as many files as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def connections_that_fit(connections_max: int) -> int:
    """Return how many connections leave the process files to work with."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files_max == resource.RLIM_INFINITY:
        return connections_max
    return max(1, min(connections_max, files_max - OTHER_FILES))

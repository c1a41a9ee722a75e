import resource

import pytest

from discovery.drivers.file_limit import connections_that_fit, raise_file_limit

LIMIT = resource.RLIMIT_NOFILE


def test_process_may_open_as_many_files_as_the_host_lets_it() -> None:
    soft, hard = resource.getrlimit(LIMIT)
    resource.setrlimit(LIMIT, (min(900, hard), hard))
    try:
        raise_file_limit()

        assert resource.getrlimit(LIMIT)[0] == hard
    finally:
        resource.setrlimit(LIMIT, (soft, hard))


@pytest.mark.parametrize(
    ("connections_max", "files_max", "expected"),
    [
        pytest.param(100, 10_000, 100, id="enough files"),
        pytest.param(100_000, 10_000, 9_488, id="some are left for the process"),
        pytest.param(100, 10, 1, id="never none"),
        pytest.param(100, resource.RLIM_INFINITY, 100, id="no limit"),
    ],
)
def test_connections_leave_files_to_work_with(
    connections_max: int,
    files_max: int,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files_max, files_max))

    assert connections_that_fit(connections_max) == expected

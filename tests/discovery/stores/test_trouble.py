import logging

import pytest

from discovery.stores.trouble import Trouble, reason_of


def test_trouble_is_said_once_and_its_end_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    trouble = Trouble()

    trouble.ended()
    trouble.began("the disk is full", retry_s=3)
    trouble.began("the disk is still full", retry_s=3)
    still = trouble.problem
    trouble.ended()
    trouble.ended()

    assert still == "the disk is still full"
    assert trouble.problem == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_reason_is_the_hosts() -> None:
    assert reason_of(OSError(28, "No space left on device")) == (
        "No space left on device"
    )
    assert reason_of(OSError("odd")) == "odd"

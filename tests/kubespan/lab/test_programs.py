"""What the lab needs on the machine."""

import os
import shutil

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.programs import refuse_without


def test_a_user_without_rights_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(LabError, match="needs root"):
        refuse_without(())


def test_a_missing_program_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    there = {"ip", "unshare"}
    monkeypatch.setattr(shutil, "which", lambda name: name if name in there else None)

    with pytest.raises(
        LabError, match=r"missing nft, nsenter: install nftables util-li"
    ):
        refuse_without(("ip", "nft", "nsenter", "unshare"))


def test_nothing_missing_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: name)

    refuse_without(("ip", "nft"))

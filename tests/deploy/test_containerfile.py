"""The container image's definition, read; ``test_image.py`` runs what it says."""

import re

from tests.deploy.containerfile import read_containerfile
from tests.deploy.manifests import DEPLOY, ROOT, port_of, settings
from tests.deployed_packages import pages

IMAGE = read_containerfile()
BUILD, FINAL = 1, 2
GIVEN = settings((), IMAGE.environment())


def test_pins_are_those_of_the_constraints():
    for path, text in pages().items():
        hint = f"run python -m tests.deployed_packages for {path.name}"
        assert path.read_text() == text, hint


def test_everything_installed_is_checked_against_a_hash():
    installs = [run for run in IMAGE.all("RUN", BUILD) if " install " in run]
    ours = [run for run in installs if "--no-index --no-deps /wheel/*.whl" in run]
    others = [run for run in installs if "pip" in run and run not in ours]

    assert len(ours) == 1
    assert len(others) == 2
    assert all("--require-hashes -r requirements" in run for run in others)


def test_every_file_that_is_copied_exists_and_is_let_through():
    copied = [name for copy in IMAGE.all("COPY", BUILD) for name in copy.split()[:-1]]
    ignore = (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
    let_through = [line[1:] for line in ignore if line.startswith("!")]

    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(re.fullmatch(p.replace("*", ".*"), name) for p in let_through), name


def test_both_stages_are_of_one_debian():
    bases = [IMAGE.all("FROM", stage)[0] for stage in (BUILD, FINAL)]

    assert all("debian${DEBIAN}" in base.replace(":", "") for base in bases)


def test_image_runs_without_root_and_tells_its_ports():
    assert IMAGE.last("USER") == "65532:65532"
    assert IMAGE.last("STOPSIGNAL") == "SIGTERM"
    assert IMAGE.last("EXPOSE").split() == [
        str(port_of(a)) for a in (GIVEN.addr, GIVEN.landing_addr, GIVEN.metrics_addr)
    ]


def test_snapshots_are_in_a_volume_that_belongs_to_the_user():
    folder = str(GIVEN.snapshot_path.parent)
    owned = [copy for copy in IMAGE.all("COPY", FINAL) if copy.endswith(folder)]

    assert IMAGE.last("VOLUME") == f'["{folder}"]'
    assert [f"--chown={IMAGE.last('USER')}" in copy for copy in owned] == [True]


def test_health_check_asks_where_the_program_answers():
    assert f"127.0.0.1:{port_of(GIVEN.metrics_addr)}/healthz" in str(
        IMAGE.health_check()
    )

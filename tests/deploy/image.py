"""Our Containerfile carried out without a container engine, as far as that goes.

A root directory of its own in a mount namespace of its own: the host's ``/usr`` and the
Python that made this environment stand for the base images, the packages installed here
for those that pip would fetch. Everything else is what the Containerfile says.
"""

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.deploy.containerfile import read_containerfile
from tests.deploy.manifests import ROOT
from tests.deployed_packages import closure, imported

FILE = read_containerfile()
UID = FILE.last("USER").partition(":")[0]
BUILD = 1
PATIENCE_S = 60
PYTHON = Path(sys.base_prefix)
# What only a network could do, or the host has done.
_DONE = ("apt-get", "python3 -m venv /tools", "requirements-build.txt")
_FETCHED = "-r requirements.txt"

_ROOT_SCRIPT = """
set -eu
mount -t tmpfs -o mode=755 image "$1"
cd "$1"
mkdir -p usr proc dev etc tmp opt/kubespan-discovery var/discovery-service
ln -s usr/bin usr/lib usr/lib64 usr/sbin .
mount --rbind -o ro /usr usr
mount --bind /proc proc
for name in null urandom; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir -p "./$2"; mount --bind "$2" "./$2"
"""


class Image:
    """What a build leaves: two directories of the image."""

    def __init__(self, folder: Path) -> None:
        for name in ("opt", "wheel", "state", "build", "root"):
            (folder / name).mkdir()
        self.folder = folder

    @property
    def program(self) -> Path:
        return self.folder / "opt"

    @property
    def state(self) -> Path:
        return self.folder / "state/discovery-service"

    def build(self) -> None:
        """Carry out the first stage."""
        self._copy()
        lines = [run for run in FILE.all("RUN", BUILD) if not _names(run, _DONE)]
        (before, after) = _split(lines)
        self._run_build(before)
        self._install_requirements()
        self._run_build(after)

    def _copy(self) -> None:
        for copy in FILE.all("COPY", BUILD):
            *sources, target = copy.split()
            for source in sources:
                place = self.folder / "build" / target
                if (ROOT / source).is_dir():
                    junk = shutil.ignore_patterns("__pycache__")
                    shutil.copytree(ROOT / source, place, ignore=junk)
                else:
                    shutil.copy(ROOT / source, place)

    def _run_build(self, lines: list[str]) -> None:
        mounts = {
            self.folder / "opt": "opt/kubespan-discovery",
            self.folder / "wheel": "wheel",
            self.folder / "state": "state",
            self.folder / "build": "build",
            Path(sys.prefix): "tools",
        }
        work = "\n".join(["set -eu", "cd /build", *lines])
        script = self._script(mounts) + f"exec chroot . /bin/sh -c '{work}'\n"
        assert "'" not in work
        subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", *self._arguments()],
            env={"PATH": f"{PYTHON}/bin:/usr/sbin:/usr/bin", "HOME": "/tmp"},
            check=True,
            timeout=PATIENCE_S,
        )

    def _install_requirements(self) -> None:
        """Put here what pip would fetch: the same distributions, file by file."""
        site = Path(sysconfig.get_path("purelib"))
        target = next(self.program.glob("lib/python3*/site-packages"))
        for name in closure(imported()):
            for file in importlib.metadata.distribution(name).files or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    (target / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(site / file, target / file)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run the image's entry point as its user, with a read-only root."""
        mounts = {
            self.folder / "opt": "opt/kubespan-discovery",
            self.state: "var/discovery-service",
        }
        script = self._script(mounts) + textwrap.dedent("""
            mount -o remount,bind,ro opt/kubespan-discovery
            mount -o remount,ro .
            env PATH=/usr/sbin:/usr/bin ip link set lo up
            shift 2
            exec /usr/sbin/chroot . "$@"
        """)
        command = [*as_user(), *FILE.entry_point(), *arguments]
        process = subprocess.Popen(
            [
                *("unshare", "--mount", "--net", "sh", "-c", script, "sh"),
                *self._arguments(),
                *command,
            ],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate(timeout=PATIENCE_S)

    def _arguments(self) -> list[str]:
        return [str(self.folder / "root"), str(PYTHON)]

    def _script(self, mounts: Mapping[Path, str]) -> str:
        bound = (
            f'mkdir -p {target}; mount --bind "{source}" {target}\n'
            for source, target in mounts.items()
        )
        return _ROOT_SCRIPT + "".join(bound)


def inside(process: subprocess.Popen[str], *command: str) -> int:
    """Run a command in the container as a container engine would; its status."""
    entering = ["nsenter", f"--target={process.pid}", "--mount", "--net", "--root"]
    done = subprocess.run(
        [*entering, *as_user(), *command],
        env=environment(),
        check=False,
        timeout=PATIENCE_S,
        capture_output=True,
    )
    return done.returncode


def as_user() -> list[str]:
    """The image's user, without any capability."""
    return [
        *("/usr/bin/setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"),
        *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
    ]


def environment() -> dict[str, str]:
    return {**FILE.environment(), "LANG": os.environ.get("LANG", "C.UTF-8")}


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    (at,) = [n for n, line in enumerate(lines) if line.endswith(_FETCHED)]
    return lines[:at], lines[at + 1 :]


def _names(line: str, parts: tuple[str, ...]) -> bool:
    return any(part in line for part in parts)

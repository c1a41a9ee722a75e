"""Real etcd on loopback: members that can be killed and started again.

Each member has a directory and two ports of its own; nothing outlives a test.
"""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

START_S = 20.0
needs_etcd = pytest.mark.skipif(
    shutil.which("etcd") is None, reason="etcd is not installed (etcd-server)"
)


@dataclass
class Member:
    """One member."""

    name: str
    directory: Path
    client_port: int
    peer_port: int
    arguments: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    def start(self) -> None:
        log = (self.directory / f"{self.name}.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                ["etcd", *self.arguments], stdout=log, stderr=log
            )

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def wipe(self) -> None:
        self.kill()
        shutil.rmtree(self.directory / self.name)


@dataclass
class EtcdCluster:
    """All members of one etcd cluster."""

    members: list[Member]
    tls: list[str] = field(default_factory=list)

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(member.endpoint for member in self.members)

    def start(self) -> None:
        for member in self.members:
            member.start()
        self.wait()

    def wait(self) -> None:
        """Until every member that runs has a leader."""
        running = ",".join(m.endpoint for m in self.members if m.process is not None)
        deadline = time.monotonic() + START_S
        while not self._is_well(running):
            assert time.monotonic() < deadline, "etcd does not start"
            time.sleep(0.05)

    def leader(self) -> Member:
        for member in self.members:
            if member.process and "true" in self.ctl(
                "endpoint", "status", endpoints=member.endpoint
            ).split(", "):
                return member
        raise AssertionError("no leader")

    def ctl(self, *arguments: str, endpoints: str = "") -> str:
        """Run etcdctl; its output."""
        return self._run_ctl(*arguments, endpoints=endpoints).stdout.decode()

    def pause(self) -> None:
        """All members stop answering, without a word."""
        for member in self.members:
            member.send(signal.SIGSTOP)

    def resume(self) -> None:
        for member in self.members:
            member.send(signal.SIGCONT)

    def kill(self) -> None:
        for member in self.members:
            member.kill()

    def _is_well(self, endpoints: str) -> bool:
        done = self._run_ctl("get", "probe", endpoints=endpoints)
        return done.returncode == 0

    def _run_ctl(
        self, *arguments: str, endpoints: str = ""
    ) -> "subprocess.CompletedProcess[bytes]":
        where = endpoints or ",".join(self.endpoints)
        return subprocess.run(
            ["etcdctl", "--endpoints", where, *self.tls, *arguments],
            capture_output=True,
            env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"},
            check=False,
            timeout=30,
        )


@contextmanager
def an_etcd(
    directory: Path,
    size: int = 1,
    *extra: str,
    tls: "tuple[str, str, str] | None" = None,
) -> Iterator[EtcdCluster]:
    """Start members; TLS files are authority, certificate and key, for all sides."""
    names = [f"m{number}" for number in range(size)]
    ports = _free_ports(2 * size)
    scheme = "https" if tls else "http"
    members = [
        Member(name, directory, ports[2 * n], ports[2 * n + 1])
        for n, name in enumerate(names)
    ]
    initial = ",".join(f"{m.name}=http://127.0.0.1:{m.peer_port}" for m in members)
    for member in members:
        member.arguments = [
            *_arguments(member, scheme, initial),
            *_tls_arguments(tls),
            *extra,
        ]
    ctl_tls = (
        [f"--cacert={tls[0]}", f"--cert={tls[1]}", f"--key={tls[2]}"] if tls else []
    )
    cluster = EtcdCluster(members, ctl_tls)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()


def _arguments(member: Member, scheme: str, initial: str) -> list[str]:
    client = f"{scheme}://127.0.0.1:{member.client_port}"
    peer = f"http://127.0.0.1:{member.peer_port}"
    return [
        f"--name={member.name}",
        f"--data-dir={member.directory / member.name}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={initial}",
        f"--initial-cluster-token={member.directory.name}",
        "--logger=zap",
        "--log-level=warn",
    ]


def _tls_arguments(tls: "tuple[str, str, str] | None") -> list[str]:
    if not tls:
        return []
    ca, certificate, key = tls
    return [
        f"--trusted-ca-file={ca}",
        f"--cert-file={certificate}",
        f"--key-file={key}",
        "--client-cert-auth",
    ]


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()

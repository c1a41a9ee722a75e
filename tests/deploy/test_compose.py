"""The compose file agrees with the program, the image and the proxy's example."""

import ipaddress
from typing import Any

import pytest
import yaml

from tests.deploy.containerfile import read_containerfile
from tests.deploy.manifests import DEPLOY, ROOT, port_of, settings

FILE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DISCOVERY, PROXY = FILE["services"]["discovery"], FILE["services"]["proxy"]
GIVEN = settings(DISCOVERY["command"])
SPARE_S = 10


def test_image_is_built_from_our_containerfile():
    build = DISCOVERY["build"]
    context = (DEPLOY / build["context"]).resolve()

    assert context == ROOT
    assert (context / build["dockerfile"]).samefile(DEPLOY / "Containerfile")


def test_published_ports_are_those_the_program_listens_on():
    inner = sorted(int(port.rpartition(":")[2]) for port in DISCOVERY["ports"])

    assert inner == sorted(
        map(port_of, (GIVEN.addr, GIVEN.landing_addr, GIVEN.metrics_addr))
    )


def test_pages_and_metrics_are_for_this_host_only():
    outer = [p for p in DISCOVERY["ports"] if not p.startswith("127.0.0.1:")]

    assert outer == ["3000:3000"]


def test_snapshots_are_in_the_volume_and_nothing_else_can_be_written():
    (volume,) = DISCOVERY["volumes"]
    name, _, folder = volume.partition(":")

    assert name in FILE["volumes"]
    assert str(GIVEN.snapshot_path.parent) == folder
    assert DISCOVERY["read_only"] is True


@pytest.mark.parametrize("service", [DISCOVERY, PROXY], ids=["discovery", "proxy"])
def test_services_have_no_more_rights_than_they_need(service: dict[str, Any]):
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True


def test_user_and_health_check_are_those_of_the_image():
    image = read_containerfile()

    assert DISCOVERY["user"] == image.last("USER")
    assert DISCOVERY["healthcheck"]["test"] == ["CMD", *image.health_check()]


def test_there_is_time_to_write_the_last_snapshot():
    grace_s = int(DISCOVERY["stop_grace_period"].removesuffix("s"))

    assert grace_s >= GIVEN.drain_s + SPARE_S


def test_proxy_is_the_one_whose_headers_are_believed():
    networks = [service["networks"]["front"] for service in (DISCOVERY, PROXY)]
    own, proxy = (network["ipv4_address"] for network in networks)
    (subnet,) = FILE["networks"]["front"]["ipam"]["config"]

    assert GIVEN.trusted_proxies == (ipaddress.ip_network(proxy),)
    assert own != proxy
    assert all(
        ipaddress.ip_address(address) in ipaddress.ip_network(subnet["subnet"])
        for address in (own, proxy)
    )


def test_proxy_runs_our_example_with_the_names_it_knows():
    example = (DEPLOY / "proxies/Caddyfile").read_text()
    mounted = PROXY["volumes"][0].split(":")

    assert (DEPLOY / mounted[0]).samefile(DEPLOY / "proxies/Caddyfile")
    assert all(f"{{${name}:" in example for name in PROXY["environment"])
    assert PROXY["environment"]["DISCOVERY_API"] == f"discovery:{port_of(GIVEN.addr)}"

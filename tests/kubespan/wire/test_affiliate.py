from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Address, ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.endpoint import Endpoint
from kubespan.wire import affiliate_pb2 as pb
from kubespan.wire.affiliate import (
    decode_affiliate,
    decode_affiliate_counting,
    decode_endpoint,
    encode_affiliate,
    encode_endpoint,
    machine_type_from_text,
)
from tests.vectors import discovery_spec, kubespan_spec

# kubespan.md section 3.4
SPEC_AFFILIATE = Affiliate(
    node_id="29QQTc97U5ZyFTIX33Dp9NqtwxqQI8QI13scCLzffrZ",
    addresses=(ip_address("192.168.3.4"),),
    hostname="foo.com",
    nodename="bar",
    machine_type=MachineType.CONTROL_PLANE,
    operating_system="Talos (v1.13.0)",
    kubespan=KubeSpanAffiliate(
        public_key="PLPNBddmTgHJhtw0vxltq1ZBdPP9RNOEUd5JjJZzBRY=",
        address=ip_address("fd50:8d60:4238:6302:f857:23ff:fe21:d1e0"),
        additional_addresses=(ip_interface("10.244.3.1/24"),),
        exclude_advertised_networks=(ip_interface("0.0.0.0/0"),),
    ),
    control_plane=ControlPlane(6443),
)
# discovery.md appendix A
REFERENCE_AFFILIATE = Affiliate(
    node_id="me",
    addresses=(ip_address("10.0.0.1"),),
    hostname="h",
    nodename="n",
    machine_type=MachineType.WORKER,
    operating_system="Talos (v1.2.3)",
    kubespan=KubeSpanAffiliate(
        public_key="pk",
        address=IPv6Address(0),
        additional_addresses=(ip_interface("10.244.0.0/24"),),
    ),
    control_plane=ControlPlane(6443),
)

ips = st.ip_addresses()
prefixes = st.builds(
    lambda ip, share: ip_interface((ip, int(share * ip.max_prefixlen))),
    ips,
    st.floats(0, 1),
)
names = st.text(max_size=20)
affiliates = st.builds(
    Affiliate,
    node_id=st.text(min_size=1, max_size=60),
    addresses=st.lists(ips, max_size=5).map(tuple),
    hostname=names,
    nodename=names,
    operating_system=names,
    machine_type=st.sampled_from(MachineType),
    kubespan=st.builds(
        KubeSpanAffiliate,
        public_key=st.text(min_size=1, max_size=44),
        address=st.none() | ips,
        additional_addresses=st.lists(prefixes, max_size=4).map(tuple),
        exclude_advertised_networks=st.lists(prefixes, max_size=4).map(tuple),
    ),
    control_plane=st.none() | st.builds(ControlPlane, st.integers(0, 65535)),
)


@pytest.mark.checklist(18)
def test_affiliate_of_the_specification_is_185_bytes() -> None:
    raw = encode_affiliate(SPEC_AFFILIATE)

    assert raw.hex() == kubespan_spec.AFFILIATE_HEX
    assert len(raw) == 185
    assert decode_affiliate(raw) == SPEC_AFFILIATE


@pytest.mark.checklist(18)
def test_affiliate_of_the_reference_client_has_its_bytes() -> None:
    raw = encode_affiliate(REFERENCE_AFFILIATE)

    assert raw.hex() == discovery_spec.AFFILIATE_HEX
    assert decode_affiliate(raw) == REFERENCE_AFFILIATE


@given(affiliates)
def test_affiliates_round_trip(affiliate: Affiliate) -> None:
    assert decode_affiliate(encode_affiliate(affiliate)) == affiliate


@given(st.binary(max_size=300))
def test_any_bytes_are_an_affiliate_or_refused(raw: bytes) -> None:
    try:
        affiliate = decode_affiliate(raw)
    except WireError:
        return

    assert affiliate.node_id


@pytest.mark.checklist(10)
def test_without_public_key_there_is_no_kubespan_part() -> None:
    keyless = replace(SPEC_AFFILIATE.kubespan, public_key="")

    raw = encode_affiliate(replace(SPEC_AFFILIATE, kubespan=keyless))

    assert not pb.Affiliate.FromString(raw).HasField("kubespan")
    assert decode_affiliate(raw).kubespan == KubeSpanAffiliate()


def test_endpoints_are_not_inside_the_affiliate() -> None:
    endpoint = Endpoint(ip_address("1.2.3.4"), 51820)
    mesh = replace(SPEC_AFFILIATE.kubespan, endpoints=(endpoint,))

    raw = encode_affiliate(replace(SPEC_AFFILIATE, kubespan=mesh))

    assert raw == encode_affiliate(SPEC_AFFILIATE)


@pytest.mark.checklist(23)
def test_exclusions_are_field_four_as_prefixes_and_unknown_fields_are_ignored() -> None:
    exclude = bytes.fromhex("22060a04" + "00000000")
    unknown = bytes.fromhex("7a03616263")
    message = b"\x0a\x01n" + b"\x3a\x0b" + b"\x0a\x01k" + exclude + unknown

    affiliate = decode_affiliate(message)

    assert affiliate.kubespan.exclude_advertised_networks == (
        IPv4Interface("0.0.0.0/0"),
    )


@pytest.mark.checklist(24)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("controlplane", MachineType.CONTROL_PLANE),
        ("init", MachineType.INIT),
        ("worker", MachineType.WORKER),
        ("join", MachineType.WORKER),
        ("", MachineType.WORKER),
        ("unknown", MachineType.UNKNOWN),
        ("Worker", MachineType.UNKNOWN),
        ("toaster", MachineType.UNKNOWN),
    ],
)
def test_machine_type_is_read_leniently(text: str, expected: MachineType) -> None:
    message = pb.Affiliate(node_id="n", machine_type=text)

    affiliate = decode_affiliate(message.SerializeToString())

    assert affiliate.machine_type is expected
    assert machine_type_from_text(text) is expected


def test_items_that_make_no_sense_are_skipped_and_counted() -> None:
    good = pb.IPPrefix(ip=bytes([10, 0, 0, 1]), bits=8)
    message = pb.Affiliate(
        node_id="n",
        addresses=[b"", b"123", bytes([10, 0, 0, 2]), bytes(15)],
        kubespan=pb.KubeSpan(
            public_key="k",
            address=b"12345",
            additional_addresses=[good, pb.IPPrefix(ip=b"1234", bits=33)],
            exclude_advertised_addresses=[pb.IPPrefix(bits=8), good],
        ),
        control_plane=pb.ControlPlane(api_server_port=65536),
    )

    decoded = decode_affiliate_counting(message.SerializeToString())

    assert decoded.skipped == 7
    assert decoded.affiliate == Affiliate(
        node_id="n",
        addresses=(ip_address("10.0.0.2"),),
        machine_type=MachineType.WORKER,
        kubespan=KubeSpanAffiliate(
            public_key="k",
            additional_addresses=(ip_interface("10.0.0.1/8"),),
            exclude_advertised_networks=(ip_interface("10.0.0.1/8"),),
        ),
    )


def test_the_zone_of_a_prefix_is_dropped() -> None:
    zoned = pb.IPPrefix(ip=IPv6Address("fe80::1").packed + b"eth0", bits=64)
    message = pb.Affiliate(
        node_id="n", kubespan=pb.KubeSpan(public_key="k", additional_addresses=[zoned])
    )

    affiliate = decode_affiliate(message.SerializeToString())

    assert affiliate.kubespan.additional_addresses == (ip_interface("fe80::1/64"),)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="no node ID"),
        pytest.param(b"\x0a\xff", id="cut short"),
        pytest.param(b"\x0a\x01\xff", id="node ID is no UTF-8"),
        pytest.param(b"\x0a\x81\x02" + b"x" * 257, id="node ID of 257 bytes"),
        # API v0.1.7 had a textual filter in field 4, discovery.md 1.3
        pytest.param(b"\x0a\x01n\x3a\x0a\x22\x08!1.0/8ab", id="field 4 of v0.1.7"),
    ],
)
def test_what_is_no_affiliate_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError, match="affiliate"):
        decode_affiliate(raw)


@pytest.mark.checklist(20)
@pytest.mark.parametrize(
    ("text", "plain", "_"), kubespan_spec.ENDPOINTS, ids=lambda v: v[:12]
)
def test_endpoints_have_the_bytes_of_the_specification(
    text: str, plain: str, _: str
) -> None:
    endpoint = Endpoint.from_text(text)

    assert encode_endpoint(endpoint).hex() == plain
    assert decode_endpoint(bytes.fromhex(plain)) == endpoint


@given(st.builds(Endpoint, ips, st.integers(0, 65535)))
def test_endpoints_round_trip(endpoint: Endpoint) -> None:
    assert decode_endpoint(encode_endpoint(endpoint)) == endpoint


@given(st.binary(max_size=40))
def test_any_bytes_are_an_endpoint_or_refused(raw: bytes) -> None:
    try:
        endpoint = decode_endpoint(raw)
    except WireError:
        return

    assert 0 <= endpoint.port <= 65535


def test_port_is_cut_to_16_bits() -> None:
    message = pb.Endpoint(ip=b"1234", port=65536 + 7)

    assert decode_endpoint(message.SerializeToString()).port == 7


@pytest.mark.checklist(21)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x0a\x03abc", id="address of 3 bytes"),
        pytest.param(b"\x10\x07", id="port alone"),
        pytest.param(b"\xff", id="no message"),
    ],
)
def test_what_is_no_endpoint_is_refused(raw: bytes) -> None:
    with pytest.raises(WireError):
        decode_endpoint(raw)

import pytest

from kubespan.api import management_pb2 as pb
from kubespan.api.yaml_form import (
    UNSET_TIME,
    plain_from_message,
    plain_from_resource,
    text_from_ip,
)


@pytest.mark.checklist(61)
def test_peer_status_has_the_keys_and_text_forms_of_talos():
    # kubespan.md section 7, "YAML form of a peer status"
    status = pb.KubeSpanPeerStatus(
        endpoint=pb.IPPort(ip=bytes([10, 2, 0, 12]), port=51820),
        label="w-1",
        state=pb.up,
        receive_bytes=15932,
        transmit_bytes=16304,
        last_used_endpoint=pb.IPPort(ip=bytes([10, 2, 0, 12]), port=51820),
    )
    status.last_handshake_time.FromJsonString("2026-08-14T10:11:12.345678901Z")
    status.last_endpoint_change.FromJsonString("2026-08-14T10:00:00.123456789Z")

    plain = plain_from_message(status)

    assert plain == {
        "endpoint": "10.2.0.12:51820",
        "label": "w-1",
        "state": "up",
        "receiveBytes": 15932,
        "transmitBytes": 16304,
        "lastHandshakeTime": "2026-08-14T10:11:12.345678901Z",
        "lastUsedEndpoint": "10.2.0.12:51820",
        "lastEndpointChange": "2026-08-14T10:00:00.123456789Z",
    }


def test_what_is_unset_is_an_empty_text_and_time_is_year_one():
    plain = plain_from_message(pb.KubeSpanPeerStatus())

    assert plain["endpoint"] == ""
    assert plain["state"] == "unknown"
    assert plain["lastHandshakeTime"] == UNSET_TIME == "0001-01-01T00:00:00Z"


def test_only_optional_fields_are_left_out_of_an_affiliate():
    plain = plain_from_message(pb.Affiliate(node_id="x"))

    assert "nodename" not in plain
    assert "controlPlane" not in plain
    assert plain["addresses"] == []
    assert plain["machineType"] == "unknown"


def test_resource_is_metadata_and_spec():
    resource = pb.Resource(
        metadata=pb.Metadata(id="local", version=2),
        identity=pb.Identity(node_id="abc"),
    )

    plain = plain_from_resource(resource)

    assert plain["metadata"]["version"] == 2
    assert plain["spec"] == {"nodeId": "abc"}


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        pytest.param(b"", "", id="unset"),
        pytest.param(bytes([1, 2, 3, 4]), "1.2.3.4", id="IPv4"),
        pytest.param(bytes(15) + b"\x01", "::1", id="IPv6"),
        pytest.param(b"\xfe\x80" + bytes(13) + b"\x01eth0", "fe80::1%eth0", id="zone"),
    ],
)
def test_binary_address_reads_as_text(packed: bytes, text: str):
    assert text_from_ip(packed) == text


def test_round_seconds_have_no_fraction():
    status = pb.KubeSpanPeerStatus()
    status.last_handshake_time.seconds = 1

    plain = plain_from_message(status)

    assert plain["lastHandshakeTime"] == "1970-01-01T00:00:01Z"

import pytest

from kubespan.api import management_pb2 as pb
from kubespan.api.types import TYPES, describe_type, find_types


@pytest.mark.checklist(61)
@pytest.mark.parametrize(
    ("word", "name"),
    [
        pytest.param("kubespanpeerstatuses", "KubeSpanPeerStatuses", id="plural"),
        pytest.param("KubeSpanPeerStatus", "KubeSpanPeerStatuses", id="singular"),
        pytest.param("members.cluster", "Members", id="plural with domain"),
        pytest.param("Members.cluster.talos.dev", "Members", id="full name"),
        pytest.param("ksi", "KubeSpanIdentities", id="initials"),
    ],
)
def test_type_answers_to_the_names_talosctl_knows(word: str, name: str):
    (found,) = find_types(word)

    assert found.name.split(".")[0] == name


def test_initials_of_two_types_are_ambiguous_and_unknown_names_find_nothing():
    assert len(find_types("ksps")) == 2
    assert find_types("nonsense") == ()


@pytest.mark.checklist(61)
def test_columns_are_those_of_talos():
    # kubespan.md section 7, last column of the table
    columns = {
        found.display_name: [header for header, _ in found.columns] for found in TYPES
    }

    assert columns["KubeSpanIdentity"] == ["ADDRESS", "PUBLICKEY"]
    assert columns["KubeSpanPeerSpec"] == ["LABEL", "ENDPOINTS"]
    assert columns["KubeSpanPeerStatus"] == ["LABEL", "ENDPOINT", "STATE", "RX", "TX"]
    assert columns["KubeSpanEndpoint"] == ["ENDPOINT", "AFFILIATE ID"]
    assert columns["Identity"] == ["ID"]
    assert columns["Affiliate"] == ["HOSTNAME", "MACHINE TYPE", "ADDRESSES"]
    assert columns["Member"] == ["HOSTNAME", "MACHINE TYPE", "OS", "ADDRESSES"]
    assert columns["Info"] == ["CLUSTER ID", "CLUSTER NAME"]


@pytest.mark.checklist(61)
@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        # kubespan.md section 7: YAML key and protobuf number
        (
            pb.KubeSpanPeerStatus,
            {
                "endpoint": 1,
                "label": 2,
                "state": 3,
                "receiveBytes": 4,
                "transmitBytes": 5,
                "lastHandshakeTime": 6,
                "lastUsedEndpoint": 7,
                "lastEndpointChange": 8,
            },
        ),
        (
            pb.KubeSpanPeerSpec,
            {"address": 1, "allowedIPs": 2, "endpoints": 3, "label": 4},
        ),
        (
            pb.KubeSpanIdentity,
            {"address": 1, "subnet": 2, "privateKey": 3, "publicKey": 4},
        ),
        (pb.KubeSpanEndpoint, {"affiliateID": 1, "endpoint": 2}),
        (
            pb.Affiliate,
            {
                "nodeId": 1,
                "addresses": 2,
                "hostname": 3,
                "nodename": 4,
                "operatingSystem": 5,
                "machineType": 6,
                "kubespan": 7,
                "controlPlane": 8,
            },
        ),
        (pb.Info, {"clusterId": 1, "clusterName": 2}),
    ],
)
def test_fields_have_the_keys_and_numbers_of_talos(message, numbers):
    found = {field.json_name: field.number for field in message.DESCRIPTOR.fields}

    assert found == numbers


def test_every_column_points_at_a_field():
    for found in TYPES:
        field = pb.Resource.DESCRIPTOR.fields_by_name[found.shown[0].field]
        keys = {one.json_name for one in field.message_type.fields}

        assert {path for _, path in found.columns} <= keys


def test_description_carries_names_and_columns():
    described = describe_type(find_types("ksi")[0])

    assert described.display_name == "KubeSpanIdentity"
    assert [column.header for column in described.columns] == ["ADDRESS", "PUBLICKEY"]

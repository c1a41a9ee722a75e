import time
import traceback

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubespan.config.kinds import HOSTNAME, OURS
from kubespan.config.parse import parse_config
from kubespan.errors import ConfigError
from kubespan.model.config import Config
from tests.config_texts import (
    CONTROL_PLANE,
    ID,
    LEGACY,
    MESH,
    SECRET,
    WORKER,
    host,
    problems_of,
)

WORDS = st.sampled_from(
    [
        "machine",
        "cluster",
        "network",
        "kubespan",
        "enabled",
        "mtu",
        "filters",
        "endpoints",
        "discovery",
        "id",
        "registries",
        "service",
        "disabled",
        "endpoint",
        "secret",
        "apiVersion",
        "kind",
        "name",
        "clusterID",
        "type",
        "clusterSecret",
        "advertisedNetworks",
        "podNetworks",
        "wireguard",
        "discoveryCAFiles",
        "discoveryCertificateFiles",
        "discoveryTokenFiles",
        "hostname",
        "excludeAdvertisedNetworks",
        "extraAnnouncedEndpoints",
        "apiServerPort",
        "version",
        "<<",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from([*OURS, HOSTNAME, "v1alpha1", ID, SECRET, "10.0.0.0/8", "!::/0"]),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=5)
    ),
    max_leaves=25,
)


def test_all_mistakes_of_all_documents_are_told_at_once_in_order():
    text = host("hostname: ' '\nwireguard: x").replace(
        "enabled: true", "enabled: yes\nmtuu: 1"
    )

    assert problems_of(text) == (
        "f:4:10: KubeSpanConfig.enabled: must be true or false",
        'f:5:1: KubeSpanConfig.mtuu: unknown key "mtuu"; did you mean mtu?',
        'f:19:11: KubeSpanHostConfig.hostname: not a host name: " "',
        "f:20:12: KubeSpanHostConfig.wireguard: must be auto, kernel or userspace",
    )


def test_mistakes_before_a_syntax_error_are_told_too():
    problems = problems_of("machine: {type: x}\n---\na: [b")

    assert len(problems) == 2
    assert "machine.type" in problems[0]
    assert "not YAML" in problems[1]


def test_syntax_error_alone_is_not_called_an_empty_file():
    (problem,) = problems_of("a: [b")

    assert problem.startswith(("f:2:1: not YAML: ", "f:1:"))


def test_flood_of_mistakes_is_cut_off_and_counted():
    entries = ", ".join(f"x{number}" for number in range(5000))

    problems = problems_of(host(f"advertisedNetworks: [{entries}]\nmtu: 1"))

    assert len(problems) <= 101


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LEGACY.replace(SECRET, SECRET[:-4]), id="legacy"),
        pytest.param(MESH.replace(SECRET, SECRET[:-4]), id="document"),
        pytest.param(MESH.replace(SECRET, f"[{SECRET}]"), id="in a list"),
        pytest.param(MESH.replace("clusterSecret:", "clusterSecrt:"), id="misspelt"),
        pytest.param(MESH.replace("clusterSecret: ", "? "), id="as a key"),
        pytest.param(MESH.replace(SECRET, f"*{SECRET[:8]}"), id="as an alias"),
        pytest.param(MESH.replace("name: primary", f"name: {SECRET}\nx: 1"), id="name"),
        pytest.param(
            MESH.replace("enabled: true", f"enabled: {SECRET}"), id="as a flag"
        ),
        pytest.param(host(f"hostname: {SECRET}"), id="as a host name"),
        pytest.param(host(f"advertisedNetworks: ['{SECRET}']"), id="as a network"),
        pytest.param(MESH.replace(SECRET, f'"{SECRET}'), id="unclosed quote"),
    ],
)
def test_secret_is_in_no_message_and_no_traceback(text: str):
    with pytest.raises(ConfigError) as caught:
        parse_config(text, "f")

    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert SECRET[:8] not in told


def test_secret_is_in_no_representation():
    config = parse_config(MESH, "f")

    assert SECRET not in repr(config)
    assert SECRET not in str(config)


def is_config_or_problems(text: str) -> bool:
    """Anything but ``ConfigError`` goes through and fails the test."""
    try:
        return isinstance(parse_config(text, "f"), Config)
    except ConfigError as error:
        return all(p and "\n" not in p for p in error.problems or ("",))


@given(st.text(max_size=200))
def test_any_text_is_a_configuration_or_an_error(text: str):
    assert is_config_or_problems(text)


@settings(max_examples=300, deadline=2000)
@given(st.lists(TREES, max_size=4))
def test_any_tree_is_a_configuration_or_an_error(trees: list[object]):
    text = yaml.safe_dump_all(trees, allow_unicode=True)

    assert is_config_or_problems(text)


@settings(max_examples=200, deadline=2000)
@given(st.data())
def test_damaged_configuration_is_a_configuration_or_an_error(data: st.DataObject):
    original = data.draw(st.sampled_from([WORKER, CONTROL_PLANE, MESH, LEGACY]))
    start = data.draw(st.integers(0, len(original)))
    end = data.draw(st.integers(start, min(len(original), start + 40)))
    text = original[:start] + data.draw(st.text(max_size=5)) + original[end:]

    assert is_config_or_problems(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "machine:\n" + "".join(f" netwrk{n}: 1\n" for n in range(24_000)), id="keys"
        ),
        pytest.param(
            host("advertisedNetworks: [" + "x, " * 49_000 + "y]"), id="list entries"
        ),
        pytest.param(
            "".join(f"---\nkind: KubeSpanConfi{n}\n" for n in range(12_000)), id="kinds"
        ),
        pytest.param("".join(f"k{n}: 1\n" for n in range(24_000)), id="unknown keys"),
    ],
)
def test_hostile_file_is_refused_quickly(text: str):
    started_s = time.process_time()

    problems_of(text)

    assert time.process_time() - started_s < 5

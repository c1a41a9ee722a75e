import json

from kubespan.config.effective import effective_settings
from kubespan.config.parse import parse_config
from kubespan.model.config import Config
from tests.config_texts import CONTROL_PLANE, ID, MESH, SECRET


def test_secret_is_replaced_and_the_id_is_not():
    discovery = effective_settings(parse_config(MESH, "f"))["discovery"]

    assert discovery["clusterSecret"] == "******"
    assert discovery["clusterID"] == ID
    assert discovery["meshNetwork"] == "fd7f:175a:b97c:5602::/64"


def test_no_secret_stays_no_secret():
    discovery = effective_settings(Config())["discovery"]

    assert discovery["clusterSecret"] == ""
    assert discovery["meshNetwork"] == ""


def test_settings_are_plain_values():
    settings = effective_settings(parse_config(CONTROL_PLANE, "f"))

    text = json.dumps(settings)
    assert settings["host"]["machineType"] == "controlplane"
    assert settings["kubespan"]["filters"]["peerEndpoints"] is None
    assert "docker0" in settings["host"]["excludeInterfaces"]
    assert SECRET not in text

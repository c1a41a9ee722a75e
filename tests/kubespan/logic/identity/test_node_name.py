import pytest

from kubespan.logic.identity.node_name import (
    NodeNames,
    name_local_node,
    nodename_from_hostname,
)
from kubespan.model.config import HostSettings
from tests.builders import host_facts

FACTS = host_facts(hostname="Web_1", domainname="example.org")


@pytest.mark.checklist(10)
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, ("Web_1.example.org", "web-1"), id="as the host says"),
        pytest.param(
            {"register_with_fqdn": True},
            ("Web_1.example.org", "web-1.example.org"),
            id="with the domain",
        ),
        pytest.param({"node_name": "w"}, ("Web_1.example.org", "w"), id="given"),
        pytest.param({"node_name": ""}, ("Web_1.example.org", ""), id="no member"),
        pytest.param({"hostname": "db"}, ("db", "db"), id="host name given, no domain"),
        pytest.param(
            {"hostname": "db.corp"}, ("db.corp", "db"), id="host name given with one"
        ),
    ],
)
def test_names_follow_configuration_then_host(settings, expected):
    assert name_local_node(HostSettings(**settings), FACTS) == NodeNames(*expected)


def test_without_a_domain_the_host_name_stands_alone():
    names = name_local_node(HostSettings(), host_facts(hostname="a", domainname=""))

    assert names.hostname == "a"


@pytest.mark.parametrize(
    ("hostname", "expected"),
    [
        ("Node_A", "node-a"),
        ("-.x.-", "x"),
        ("ä b!c", "bc"),
        ("___", ""),
        ("", ""),
    ],
)
def test_a_node_name_keeps_letters_digits_dots_and_dashes(hostname, expected):
    assert nodename_from_hostname(hostname) == expected

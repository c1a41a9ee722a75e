from kubespan.engine.resource import EdgeStatus, Notice, Resource
from tests.fakes.resources import Apple


def test_what_has_a_key_is_a_resource():
    assert isinstance(Apple("boskoop"), Resource)
    assert not isinstance("text", Resource)


def test_an_author_has_one_notice_per_subject():
    assert Notice("peer_spec", "node-b", "odd").key == "peer_spec/node-b"


def test_an_edge_has_one_status():
    assert EdgeStatus("link").key == "link"

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.api import cluster_pb2 as pb
from discovery.service.admission import (
    Admission,
    parse_allowed_clusters,
    parse_cluster_tokens,
)
from discovery.service.refusal import NotAdmitted
from tests.discovery.running import an_update

TOKENS = {"closed": (b"old", b"new")}


def raw_list(cluster_id: str) -> bytes:
    return pb.ListRequest(cluster_id=cluster_id).SerializeToString()


def bearer(token: str) -> list[tuple[str, str | bytes]]:
    return [("user-agent", "x"), ("authorization", f"Bearer {token}")]


def admits(admission: Admission, cluster_id: str, *metadata) -> bool:
    try:
        admission.admit(raw_list(cluster_id), metadata)
    except NotAdmitted:
        return False
    return True


def test_everything_is_served_by_default() -> None:
    assert admits(Admission(), "anything")


@pytest.mark.parametrize(
    ("cluster_id", "admitted"), [("mine", True), ("other", False), ("min", False)]
)
def test_only_allowed_clusters_are_served(cluster_id: str, admitted: bool) -> None:
    admission = Admission(read_allowed=lambda: frozenset(["mine"]))

    assert admits(admission, cluster_id) is admitted


@pytest.mark.parametrize(
    ("metadata", "admitted"),
    [
        pytest.param(bearer("old"), True, id="one token"),
        pytest.param(bearer("new"), True, id="the other token"),
        pytest.param(bearer("wrong"), False, id="wrong token"),
        pytest.param(bearer(""), False, id="empty token"),
        pytest.param([], False, id="no token"),
        pytest.param([("authorization", "Basic old")], False, id="another scheme"),
        pytest.param([("authorization", b"Bearer old")], False, id="binary"),
        pytest.param(bearer("ölig"), False, id="not ASCII"),
    ],
)
def test_cluster_with_a_token_needs_it(metadata, admitted: bool) -> None:
    admission = Admission(read_tokens=lambda: TOKENS)

    assert admits(admission, "closed", *metadata) is admitted


def test_clusters_without_a_token_need_none() -> None:
    assert admits(Admission(read_tokens=lambda: TOKENS), "open")


def test_cluster_with_a_token_need_not_be_allowed_as_well() -> None:
    admission = Admission(lambda: frozenset(["mine"]), lambda: TOKENS)

    assert admits(admission, "closed", *bearer("old"))
    assert not admits(admission, "closed")
    assert not admits(admission, "other", *bearer("old"))


def test_refusal_does_not_tell_unknown_clusters_from_wrong_tokens() -> None:
    admission = Admission(lambda: frozenset(["mine"]), lambda: TOKENS)
    said = set()

    for cluster_id in ("closed", "other"):
        with pytest.raises(NotAdmitted) as caught:
            admission.admit(raw_list(cluster_id), bearer("wrong"))
        said.add(str(caught.value))

    assert len(said) == 1


@pytest.mark.parametrize(
    "request_",
    [
        pb.HelloRequest(cluster_id="other", client_version="v1.2.3"),
        an_update(cluster_id="other", affiliate_data=b"d"),
        pb.AffiliateDeleteRequest(cluster_id="other", affiliate_id="a"),
        pb.ListRequest(cluster_id="other"),
        pb.WatchRequest(cluster_id="other"),
    ],
    ids=lambda request_: type(request_).__name__,
)
def test_every_request_is_refused_by_its_cluster(request_) -> None:
    admission = Admission(read_allowed=lambda: frozenset(["mine"]))

    with pytest.raises(NotAdmitted):
        admission.admit(request_.SerializeToString(), [])


@pytest.mark.parametrize("raw", [b"", b"\x0a\xff", b"\x0a\x01\xff"])
def test_what_names_no_cluster_is_left_to_its_call(raw: bytes) -> None:
    Admission(read_allowed=lambda: frozenset(["mine"])).admit(raw, [])


def test_allowed_clusters_are_one_a_line() -> None:
    text = "# ours\nabc=\n\n  with spaces \r\n#no\nß\n"

    assert parse_allowed_clusters(text) == {"abc=", "with spaces", "ß"}


def test_cluster_may_have_two_tokens() -> None:
    text = "# ours\na one\nb three\na\ttwo\n"

    assert parse_cluster_tokens(text) == {"a": (b"one", b"two"), "b": (b"three",)}


@pytest.mark.parametrize("text", ["a", "x y\na b c", "a tök"])
def test_wrong_line_is_named_by_its_number_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"^line \d is not a cluster ID and a token$"):
        parse_cluster_tokens(text)


def test_line_too_long_for_a_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match="line 2 is too long"):
        parse_allowed_clusters("a\n" + "b" * 257)


@given(st.text())
def test_any_text_is_clusters_and_tokens_or_refused(text: str) -> None:
    for parse in (parse_allowed_clusters, parse_cluster_tokens):
        try:
            parse(text)
        except ValueError as error:
            assert str(error).startswith("line ")  # noqa: PT017 - the rest is free


@given(st.binary(), st.lists(st.tuples(st.text(), st.text() | st.binary())))
def test_any_request_is_admitted_or_not(raw: bytes, metadata) -> None:
    admission = Admission(lambda: frozenset(["mine"]), lambda: TOKENS)

    with contextlib.suppress(NotAdmitted):
        admission.admit(raw, metadata)

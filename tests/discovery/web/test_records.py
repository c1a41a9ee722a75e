import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import NS_PER_S
from discovery.web.records import (
    article_from_affiliate,
    show,
    summary_from_affiliates,
)

NOW_NS = 500 * NS_PER_S


def an_affiliate(affiliate_id: str = "a", life_s: float = 60.0) -> Affiliate:
    expires_ns = NOW_NS + int(life_s * NS_PER_S)
    endpoints = (Endpoint(b"\x01\xff", expires_ns), Endpoint(b"\x02", expires_ns))
    return Affiliate(affiliate_id, b"\x0a\xbc", expires_ns, endpoints)


class Text(HTMLParser):
    """Everything a browser would show, and every tag it would make."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def test_id_is_shown_as_it_is_and_the_rest_in_lower_case_hex() -> None:
    article = article_from_affiliate(an_affiliate("node 1/ä"), NOW_NS)

    assert '<bdi class="id">node 1/ä</bdi>' in article
    assert '<code class="data">0abc</code>' in article
    assert re.findall("<li>.*?<code>(.*?)</code>", article) == ["01ff", "02"]


@pytest.mark.parametrize(
    ("life_s", "said"),
    [
        pytest.param(1800, "expires in 30 min", id="new"),
        pytest.param(119, "expires in 1 min", id="a minute"),
        pytest.param(59.5, "expires in 59 s", id="seconds"),
        pytest.param(0, "expires in 0 s", id="now"),
        pytest.param(-5, "expired, gone at the next sweep", id="over"),
    ],
)
def test_what_is_left_of_a_life_is_told(life_s: float, said: str) -> None:
    article = article_from_affiliate(an_affiliate(life_s=life_s), NOW_NS)

    assert article.count(said) == 3


@given(st.text())
def test_no_id_makes_markup(affiliate_id: str) -> None:
    plain, hostile = Text(), Text()

    plain.feed(article_from_affiliate(an_affiliate("a"), NOW_NS))
    hostile.feed(article_from_affiliate(an_affiliate(affiliate_id), NOW_NS))

    assert hostile.tags == plain.tags
    assert show(affiliate_id).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("<b>&\"'", "&lt;b&gt;&amp;&quot;&#x27;", id="markup"),
        pytest.param("\x1b[31m\n\0", "\\x1b[31m\\n\\x00", id="control characters"),
        pytest.param("a\u202eb", "a\\u202eb", id="direction override"),
        pytest.param("größer 中", "größer 中", id="letters"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert show(text) == shown


@pytest.mark.parametrize(
    ("affiliates", "said"),
    [
        pytest.param(
            (), "No affiliates: the cluster is unknown here, or empty.", id="0"
        ),
        pytest.param((an_affiliate(),), "1 affiliate, 2 endpoints.", id="1"),
        pytest.param(
            (an_affiliate(),) * 1024, "1,024 affiliates, 2,048 endpoints.", id="n"
        ),
    ],
)
def test_cluster_is_summed_up_in_a_sentence(
    affiliates: tuple[Affiliate, ...], said: str
) -> None:
    assert summary_from_affiliates(affiliates) == said

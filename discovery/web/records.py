"""What is shown of a sealed record: an article of HTML. Pure.

IDs are text of strangers: escaped, and what cannot be seen is written out.
"""

from html import escape

from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import NS_PER_S

_MINUTE_S = 60


def article_from_affiliate(affiliate: Affiliate, now_ns: int) -> str:
    """Return everything stored of one node: its ID as it is, the rest in hex."""
    endpoints = "".join(_item_from_endpoint(e, now_ns) for e in affiliate.endpoints)
    return (
        '<article class="affiliate">'
        '<h3><span class="name" hidden></span>'
        f'<bdi class="id">{show(affiliate.id)}</bdi></h3>'
        f"{_life(affiliate.expires_ns, now_ns)}"
        '<div class="opened" hidden></div>'
        '<details class="sealed" open>'
        f"<summary>Sealed record, {_count(len(affiliate.data), 'byte')}</summary>"
        f'<code class="data">{affiliate.data.hex()}</code></details>'
        f"<h4>{_count(len(affiliate.endpoints), 'endpoint')}</h4>"
        f'<ul class="endpoints">{endpoints}</ul></article>\n'
    )


def summary_from_affiliates(affiliates: tuple[Affiliate, ...]) -> str:
    """Return one sentence."""
    if not affiliates:
        return "No affiliates: the cluster is unknown here, or empty."
    endpoints = sum(len(affiliate.endpoints) for affiliate in affiliates)
    return f"{_count(len(affiliates), 'affiliate')}, {_count(endpoints, 'endpoint')}."


def show(text: str) -> str:
    """Return a text as HTML, with what cannot be printed written as its number."""
    seen = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return escape("".join(seen))


def _item_from_endpoint(endpoint: Endpoint, now_ns: int) -> str:
    return (
        f'<li><span class="opened" hidden></span><code>{endpoint.data.hex()}</code> '
        f"{_life(endpoint.expires_ns, now_ns)}</li>"
    )


def _life(expires_ns: int, now_ns: int) -> str:
    remaining_s = (expires_ns - now_ns) // NS_PER_S
    if remaining_s < 0:
        return '<span class="life">expired, gone at the next sweep</span>'
    return f'<span class="life" data-s="{remaining_s}">{_left(remaining_s)}</span>'


def _left(remaining_s: int) -> str:
    if remaining_s < _MINUTE_S:
        return f"expires in {remaining_s} s"
    return f"expires in {remaining_s // _MINUTE_S} min"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

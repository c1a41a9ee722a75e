"""The page ``/inspect`` as a person uses it, in a real browser."""

import base64
import ipaddress
import json
import random
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.model.endpoint import Endpoint
from kubespan.wire.affiliate import encode_affiliate, encode_endpoint
from kubespan.wire.sealing import Sealer
from tests.builders import CLUSTER_ID, a_mesh_part, a_secret, an_affiliate
from tests.discovery.web.a_site import World, pages
from tests.discovery.web.chromium import PROGRAM, Page, a_chromium, a_page
from tests.discovery.web.picture import make_picture, show_opened
from tests.discovery.web.sealed_cluster import (
    NODES,
    PATH,
    SECRET,
    SECRET_TEXT,
    a_stranger,
    put,
    put_all,
)

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(PROGRAM is None, reason="no chromium on this machine"),
]

# discovery.md appendix A, made by the Go client
VECTOR_SECRET = bytes(range(32))
VECTOR_DATA = bytes.fromhex(
    "adfb28380005606f3e0da7faf67e20f97e668400cfcac97c9836726f5b6b2d80af960560c2f455754b"
    "17e69508e68e01fa7f91ce500a44fc57fcd29cc8d1e1b59657f92dd0c9259a60f3653241304e4cd77e"
    "3bd1f61f864acdec1495f650dace7a927fffd1ba3d6f8da6dd"
)
VECTOR_ENDPOINTS = {
    "1.2.3.4:51820": "8d139e8f32d55b4b19b0d23105b28787",
    "[2001:db8::1]:51820": (
        "e2702633ca89239d5ee036a316dde237d604c19a74d2f45c1e624c2d38c4cca0"
    ),
    "1.2.3.4:0": "4ef2a39fb30eea2138e15a06adeaecd1",
    "9.9.9.9:7": "1a0ae3f453c251f7861f0bfa436edb4b",
    "9.9.9.8:7": "261a84f7bd2b80109c76cf5cd77b10f8",
}
HOSTILE = "</bdi><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e"
OPENED = "[...document.querySelectorAll('.endpoints .opened')].map(e => e.innerText)"
STATUS = "document.getElementById('unseal-status').innerText"


@pytest.fixture(scope="module")
def debugger() -> Iterator[str]:
    with a_chromium() as address:
        yield address


async def unseal(page: Page, secret: str) -> str:
    """Type a secret and press Enter; return what the page says."""
    await page.value("document.getElementById('cluster-secret').focus()")
    await page.value("document.getElementById('cluster-secret').value = ''")
    await page.value("document.getElementById('unseal-status').textContent = ''")
    await page.write(secret)
    await page.press("Enter")
    await page.until("!document.getElementById('unseal-button').disabled")
    await page.until(f"{STATUS} !== '' && !{STATUS}.startsWith('Opening')")
    return str(await page.value(STATUS))


async def test_record_of_the_go_client_opens(debugger: str) -> None:
    world = World()
    world.put("me", VECTOR_DATA, map(bytes.fromhex, VECTOR_ENDPOINTS.values()))
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(f"{url}/inspect?clusterID=c")

        said = await unseal(page, base64.b64encode(VECTOR_SECRET).decode())

        assert said == "The record is open."
        assert await page.value(OPENED) == list(VECTOR_ENDPOINTS)
        terms = await page.value(
            "Object.fromEntries([...document.querySelectorAll('dt')]"
            ".map(e => [e.innerText, e.nextSibling.innerText]))"
        )
        assert terms == {
            "Kubernetes node": "n",
            "Machine type": "worker",
            "Operating system": "Talos (v1.2.3)",
            "Addresses": "10.0.0.1",
            "KubeSpan key": "pk",
            "KubeSpan address": "::",
            "Advertised networks": "10.244.0.0/24",
            "API server port": "6443",
            "Last sent": "less than a minute ago",
        }
        assert await page.text("h3 .name") == "h"


async def test_cluster_sealed_by_our_nodes_opens(debugger: str) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url + PATH)

        said = await unseal(page, f"  {SECRET_TEXT}\t")

        assert said == "All 2 records are open."
        text = await page.text("#records")
        for node in NODES:
            assert node.kubespan.address is not None
            assert node.hostname in text
            assert node.kubespan.public_key in text
            assert str(node.kubespan.address) in text
            assert all(str(endpoint) in text for endpoint in node.kubespan.endpoints)
            assert all(str(address) in text for address in node.addresses)
        assert "at most 5 minutes ago" in text
        assert "expires in 25 min" in text
        assert page.complaints == []


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param(
            base64.b64encode(a_secret("another").raw).decode(),
            "No record opens with this secret: it is that of another cluster.",
            id="of another cluster",
        ),
        pytest.param("", "No secret was typed.", id="nothing"),
        pytest.param(
            "c2hvcnQ=", "That is 5 bytes; a cluster secret has 32.", id="bytes"
        ),
        pytest.param("not base64 at all!", "That is not base64.", id="text"),
        pytest.param(SECRET_TEXT[:-3], "That is not base64.", id="cut short"),
    ],
)
async def test_wrong_secret_is_told_and_the_right_one_works_afterwards(
    debugger: str, secret: str, expected: str
) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url + PATH)

        assert await unseal(page, secret) == expected

        assert await unseal(page, SECRET_TEXT) == "All 2 records are open."


async def test_what_cannot_be_read_never_hides_what_can(debugger: str) -> None:
    sealer = Sealer(SECRET)
    world = World()
    world.put("garbage", random.Random(1).randbytes(200), [b"\0" * 16], cluster_id="c")
    world.put("short", b"x", [b"odd", b"\xff" * 32], cluster_id="c")
    world.put("no message", sealer.seal_data(b"\xff\xff\xff", bytes(12)))
    world.put("old", sealer.seal_data(b"\x3a\x04\x22\x02!x", bytes(12)))  # API v0.1.7
    plain = encode_affiliate(NODES[1])
    damaged = bytearray(sealer.seal_data(plain, bytes(12)))
    damaged[40] ^= 1
    world.put("damaged", bytes(damaged))
    good = sealer.seal_endpoint(encode_endpoint(Endpoint.from_text("192.0.2.1:5")))
    world.put("good", sealer.seal_data(plain, bytes(12)), [b"??", good])
    world.put("only endpoints", b"", [good])
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(f"{url}/inspect?clusterID=c")

        said = await unseal(page, SECRET_TEXT)

        assert said.startswith("2 of 7 records are open")
        assert said.endswith("1 of the endpoints cannot be read.")
        assert await page.value("document.querySelectorAll('.unreadable').length") == 5
        assert await page.value(OPENED) == [
            *["unreadable"] * 4,
            "192.0.2.1:5",
            "192.0.2.1:5",
        ]
        assert page.complaints == []


async def test_any_bytes_sealed_rightly_leave_the_page_whole(debugger: str) -> None:
    dice = random.Random(7)
    sealer = Sealer(SECRET)
    plains = [
        _mutated(dice, encode_affiliate(NODES[number % 2])) for number in range(300)
    ]
    world = World()
    for number, plain in enumerate(plains):
        endpoints = [dice.randbytes(dice.choice([16, 32])) for _ in range(3)]
        world.put(str(number), sealer.seal_data(plain, bytes(12)), endpoints)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(f"{url}/inspect?clusterID=c")

        said = await unseal(page, SECRET_TEXT)

        assert " of 300 records are open" in said
        count = await page.value(
            "document.querySelectorAll('.affiliate.open, .affiliate.unreadable').length"
        )
        assert count == 300
        assert page.complaints == []


def _mutated(dice: random.Random, plain: bytes) -> bytes:
    changed = bytearray(plain)
    for _ in range(dice.randrange(4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    start = dice.randrange(len(changed))
    return bytes(changed[:start]) if dice.random() < 0.3 else bytes(changed)


async def test_addresses_are_written_as_everywhere(debugger: str) -> None:
    dice = random.Random(5)
    groups = [[dice.choice([0, 0, 1, 0xABCD]) for _ in range(8)] for _ in range(60)]
    written = [ipaddress.IPv6Address(_packed(g)) for g in groups]
    known = dict.fromkeys(
        Endpoint(ip, 51820) for ip in written if ip.ipv4_mapped is None
    )
    node = an_affiliate(kubespan=a_mesh_part(endpoints=tuple(known)))
    update = DiscoverySeals(SECRET).seal_own(node, bytes(12))
    world = World()
    world.put(node.node_id, update.data, update.endpoints)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(f"{url}/inspect?clusterID=c")

        await unseal(page, SECRET_TEXT)

        assert await page.value(OPENED) == [str(endpoint) for endpoint in known]


def _packed(groups: list[int]) -> bytes:
    return b"".join(group.to_bytes(2) for group in groups)


async def test_text_of_strangers_stays_text(debugger: str) -> None:
    node = an_affiliate(HOSTILE, hostname=HOSTILE, operating_system=HOSTILE)
    world = World()
    put(world, node)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url + PATH)

        await unseal(page, SECRET_TEXT)

        assert await page.value("document.scripts.length") == 1
        assert await page.value("document.querySelectorAll('main img').length") == 0
        shown = await page.text("h3 .name")
        assert shown.startswith("</bdi><script>alert(1)</script>")
        assert shown.endswith("\\u{1b}[31m\\u{202e}")
        assert page.complaints == []


async def test_secret_leaves_the_page_in_no_way(debugger: str) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url + PATH)
        await unseal(page, SECRET_TEXT)

        kept = await page.value(
            "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage},"
            " document.getElementById('cluster-secret').value, location.href,"
            " document.documentElement.outerHTML])"
        )
        await page.write(SECRET_TEXT)
        page.loaded.clear()
        await page.value("document.getElementById('look').requestSubmit()")
        await page.until_loaded()

        assert SECRET_TEXT not in kept
        asked = json.dumps(page.requests)
        for form in (SECRET_TEXT, quote(SECRET_TEXT, safe=""), SECRET.raw.hex()):
            assert form not in asked
        assert len(page.requests) > 5
        assert all(request["url"].startswith(url + "/") for request in page.requests)
        assert page.complaints == []


@pytest.mark.parametrize(
    "attempt",
    [
        "fetch('./stats')",
        "fetch('http://plain.test/')",
        "new Promise((_, no) => { new WebSocket('ws://plain.test').onerror = no; })",
        "Promise.resolve(document.body.innerHTML = '<b>markup</b>')",
        "navigator.sendBeacon('./stats') ? 1 : Promise.reject()",
        "import('data:text/javascript,1')",
    ],
    ids=["fetch here", "fetch away", "socket", "markup", "beacon", "script"],
)
async def test_policy_forbids_a_script_what_the_page_never_needs(
    debugger: str, attempt: str
) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url + PATH)
        before = len(page.requests)

        tried = f"(async () => {attempt})().then(() => 'done', () => 'refused')"
        result = await page.value(tried)

        urls = [request["url"] for request in page.requests[before:]]
        # the icon of a page is fetched whenever the browser likes
        sent = [u for u in urls if u.startswith(url) and not u.endswith(".svg")]
        assert result == "refused" or "beacon" in attempt.lower()
        assert sent == []
        assert page.complaints != []


async def test_whole_way_by_keyboard(debugger: str) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(f"{url}/")
        await page.press("Tab")
        await page.press("Tab")
        assert await page.focused() == "Inspect a cluster"
        await _follow(page)

        assert await _tabs(page, 3) == ["Discovery service", "cluster-id", "Show"]
        await page.value("document.getElementById('cluster-id').focus()")
        await page.write(CLUSTER_ID)
        await _follow(page)

        stops = await _tabs(page, 5)
        assert stops[1:] == ["cluster-id", "Show", "cluster-secret", "unseal-button"]
        await page.value("document.getElementById('cluster-secret').focus()")
        await page.write(SECRET_TEXT)
        await page.press("Tab")
        await page.press("Enter")
        await page.until(f"{STATUS}.includes('open')")
        assert await page.value("location.search") == ""


async def _follow(page: Page) -> None:
    page.loaded.clear()
    await page.press("Enter")
    await page.until_loaded()


async def _tabs(page: Page, count: int) -> list[str]:
    """Press Tab some times; everything it stops at shows that it has the focus."""
    stops = []
    for _ in range(count):
        await page.press("Tab")
        style = "getComputedStyle(document.activeElement).outlineStyle"
        assert await page.value(style) == "solid"
        stops.append(await page.focused())
    return stops


async def test_link_with_the_cluster_behind_a_hash_tells_no_log(debugger: str) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        hidden = quote(CLUSTER_ID, safe="")
        await page.open(f"{url}/inspect#clusterID={hidden}")
        await page.until("document.querySelectorAll('.affiliate').length === 2")

        addresses = [request["url"] for request in page.requests]
        assert not [a for a in addresses if CLUSTER_ID in a or hidden in a]
        assert [
            r["method"] for r in page.requests if r["url"].endswith("/inspect")
        ] == [
            "GET",
            "POST",
        ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_narrow_screen_needs_no_sideways_scrolling(
    debugger: str, *, dark: bool
) -> None:
    world = World()
    put_all(world)
    put(world, a_stranger(), a_secret("another"))
    put(world, an_affiliate("W" * 256, hostname="W" * 200, nodename="i" * 200))
    wide = "document.documentElement.scrollWidth"
    async with pages(world) as url, a_page(debugger) as page:
        await page.look(360, 640, dark=dark)
        for path in ("/", "/inspect", PATH):
            await page.open(url + path)
            assert await page.value(wide) <= 360, path
        await show_opened(page, url, 360, dark=dark)

        assert await page.value(wide) <= 360
        small = (
            "[...document.querySelectorAll('button, input')]"
            ".filter(e => e.getBoundingClientRect().height < 32).length"
        )
        assert await page.value(small) == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_text_has_contrast(debugger: str, *, dark: bool) -> None:
    world = World()
    put_all(world)
    put(world, a_stranger(), a_secret("another"))
    async with pages(world) as url, a_page(debugger) as page:
        await show_opened(page, url, 800, dark=dark)

        assert await page.value(_LOW_CONTRAST) == []


# WCAG 2.2, 1.4.3: 4.5 to 1
_LOW_CONTRAST = """
(() => {
  const parts = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = parts(c).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor;
      if ((parts(c)[3] ?? 1) > 0) return c;
    }
    return "rgb(255, 255, 255)";
  };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !e.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))]
      .sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.outerHTML.slice(0, 80));
  }
  return bad;
})()
"""


async def test_everything_that_can_be_typed_into_has_a_label(debugger: str) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url + PATH)

        labels = await page.value(
            "[...document.querySelectorAll('input')].map(e => e.labels[0]?.innerText)"
        )

        assert labels == ["Cluster ID", "Cluster secret"]
        assert await page.value("document.documentElement.lang") == "en"
        assert await page.value("document.querySelectorAll('h1, main').length") == 2


async def test_where_browsers_do_not_decrypt_the_way_out_is_told(debugger: str) -> None:
    world = World()
    put_all(world)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(url.replace("127.0.0.1", "plain.test") + PATH)

        said = await page.value(STATUS)

        assert "--landing-tls" in said
        assert "ssh -L 3001:localhost:" in said
        hidden = "!document.getElementById('cluster-secret').checkVisibility()"
        assert await page.value(hidden)


async def test_unknown_cluster_has_nothing_to_open(debugger: str) -> None:
    async with pages(World()) as url, a_page(debugger) as page:
        await page.open(f"{url}/inspect?clusterID=nobody")

        assert await page.value("document.getElementById('unseal').hidden")
        assert "unknown here, or empty" in await page.text("#records")


async def test_full_cluster_opens_in_seconds(debugger: str) -> None:
    sealer = Sealer(SECRET)
    plain = encode_affiliate(NODES[0])
    world = World()
    for number in range(1024):
        ip = ipaddress.IPv4Address(number * 256)
        ends = [encode_endpoint(Endpoint(ip + i, 51820)) for i in range(4)]
        nonce = number.to_bytes(12)
        sealed = [sealer.seal_endpoint(end) for end in ends]
        world.put(f"node-{number}", sealer.seal_data(plain, nonce), sealed)
    async with pages(world) as url, a_page(debugger) as page:
        await page.open(f"{url}/inspect?clusterID=c")

        assert await unseal(page, SECRET_TEXT) == "All 1024 records are open."


async def test_picture_of_the_documentation_can_be_made_again(
    debugger, tmp_path
) -> None:
    await make_picture(debugger, tmp_path / "inspect.png", 800, dark=False)

    assert (tmp_path / "inspect.png").read_bytes()[:4] == b"\x89PNG"

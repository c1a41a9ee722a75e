"""Bytes of the KubeSpan specification: sections 1.2, 1.5-1.7 and 3.4.

Those marked upstream are asserted by Talos' own unit tests; those marked computed were
made by an independent implementation for the specification.
"""

# 1.2: upstream asserts the first 16 bytes of the first two, the rest is computed.
BASE62 = {
    "sou7yy34ykX3n373Zw1DXKb8zD7UnyKT6HT3QDsGH6L": (
        "be871ac0d0dd31fa4caca753b0f3f1b2970f5c19dfbde7dd7932e37cb2eeea2c"
    ),
    "gvqfS27LxD58lPlASmpaueeRVzuof16iXoieRgEvBWaE": (
        "8d2c0de2408fa2a178bad7f45d9aa8fbd7354cc90129f2f9c87897dec97eabe0"
    ),
    "fwjO4YDNyAjLsoCKmQiIg4BHaghFUIBEOwgCIYABCAA": bytes(range(32)).hex(),
    "g8hHdwxGakBGXYRFUMhERAxDO0ADLoQCIcgBFQwACEA": bytes(range(1, 33)).hex(),
    "A" * 43: "00" * 32,
    "f" * 51 + "B": "ff" * 32,
}

# 1.5, 1.6: the first two upstream and computed, the others computed.
CLUSTER_ID = "8XuV9TZHW08DOk3bVxQjH9ih_TBKjnh-j44tsCLSBzo="
MESH_PREFIX = "fd7f:175a:b97c:5602::/64"
MESH_ADDRESSES = [
    (CLUSTER_ID, "2e1ab6538169", "fd7f:175a:b97c:5602:2c1a:b6ff:fe53:8169"),
    (CLUSTER_ID, "ea711bb2ccee", "fd7f:175a:b97c:5602:e871:1bff:feb2:ccee"),
    (CLUSTER_ID, "020000fffe000001", "fd7f:175a:b97c:5602:0:ff:fe00:1"),
    (
        "v16UCWpO2iOm82n6F8dGCJ41ZXXBvDrjRDs2su7C_zs=",
        "ea711bb2ccee",
        "fd8a:4396:731e:e702:e871:1bff:feb2:ccee",
    ),
    (
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        "2e1ab6538169",
        "fd62:679f:48cb:8002:2c1a:b6ff:fe53:8169",
    ),
]

# 1.7: upstream file contents; that the keys belong together is computed.
PRIVATE_KEY = "sF45u5ePau58WeeCUY3T8D9foEKaQ8Opx4cGC8g4XE4="
PUBLIC_KEY = "Oak2fBEWngBhwslBxDVgnRNHXs88OAp4kjroSX0uqUE="
KUBESPAN_IDENTITY_FILE = f"""\
address: ""
subnet: ""
privateKey: {PRIVATE_KEY}
publicKey: {PUBLIC_KEY}
"""
NODE_ID = "gvqfS27LxD58lPlASmpaueeRVzuof16iXoieRgEvBWaE"
NODE_IDENTITY_FILE = f"nodeId: {NODE_ID}\n"

# 3.4: the key's decoding is upstream, everything else computed.
SECRET = "kCQsKr4B28VUl7qw1sVkTDNF9fFH++ViIuKsss+C6kc="
SECRET_HEX = "90242c2abe01dbc55497bab0d6c5644c3345f5f147fbe56222e2acb2cf82ea47"
NONCE = bytes(range(12))
ENDPOINTS = [
    (
        "10.0.0.2:51820",
        "0a040a00000210ec9403",
        "b0923fefb589d66d1fb3fb962e3fdb95",
    ),
    (
        "192.168.3.4:51820",
        "0a04c0a8030410ec9403",
        "75536d92c29c1a4530c67d21689933c5",
    ),
    (
        "1.1.1.1:343",
        "0a040101010110d702",
        "0011b758340bd09b3fbffaf665c80dee",
    ),
    (
        "[2001:db8::1]:51820",
        "0a1020010db800000000000000000000000110ec9403",
        "86a3bdfb8a1ce17119acd906e42df509800787ecaeae371ce398cc74c3b95fa6",
    ),
    (
        "[fd50:8d60:4238:6302:f857:23ff:fe21:d1e0]:51820",
        "0a10fd508d6042386302f85723fffe21d1e010ec9403",
        "84b4813eb0e3e97d7786f2dad202c2aa6facfa5c9ed77e95c3f11dee0dd34fa5",
    ),
]
AFFILIATE_HEX = (
    "0a2b323951515463393755355a794654495833334470394e7174777871514938"
    "514931337363434c7a6666725a1204c0a803041a07666f6f2e636f6d22036261"
    "722a0c636f6e74726f6c706c616e65320f54616c6f73202876312e31332e3029"
    "3a520a2c504c504e4264646d5467484a6874773076786c7471315a4264505039"
    "524e4f455564354a6a4a5a7a4252593d1210fd508d6042386302f85723fffe21"
    "d1e01a080a040af40301101822060a0400000000420308ab32"
)
SEALED_AFFILIATE_HEX = (
    "000102030405060708090a0bc8188d1b4e30171ffe603751dd1c8ae4a585db98"
    "75cde3e71ae9bdab28f0ce3510e3593de22688d9ba78accd212f8e765b27f94d"
    "68ccd52cb7ed9a07aff6a43c7ed1b097add892cb12eb77f52c21b957f2011727"
    "145e105d804f07032dade29f3fe07d486a168127bddb719156af3bce5ab422d7"
    "9428a3c6434eaf8d6f17aefb7bed50e21518e19f42427f3c9fd639400942126b"
    "a146430dfa2e0d7edda44eca89d3216aa7ef3534683e4e47e807b0d002111562"
    "80b7848077356db981d47ea669d82bfbdc20ce9d99"
)

"""Bytes of the discovery specification, appendix A.

The endpoints and the first sealed affiliate were made by the Go reference client
(v0.1.15); the affiliate with the fixed nonce is computed.
"""

SECRET_HEX = bytes(range(32)).hex()
ENDPOINTS = [
    ("1.2.3.4:51820", "8d139e8f32d55b4b19b0d23105b28787"),
    (
        "[2001:db8::1]:51820",
        "e2702633ca89239d5ee036a316dde237d604c19a74d2f45c1e624c2d38c4cca0",
    ),
    ("1.2.3.4:0", "4ef2a39fb30eea2138e15a06adeaecd1"),
    ("9.9.9.9:7", "1a0ae3f453c251f7861f0bfa436edb4b"),
    ("9.9.9.8:7", "261a84f7bd2b80109c76cf5cd77b10f8"),
]
NONCE = bytes(range(12))
AFFILIATE_HEX = (
    "0a026d6512040a0000011a016822016e2a06776f726b6572320e54616c6f732028"
    "76312e322e33293a200a02706b1210000000000000000000000000000000001a08"
    "0a040af400001018420308ab32"
)
SEALED_BY_GO_CLIENT_HEX = (
    "adfb28380005606f3e0da7faf67e20f97e668400cfcac97c9836726f5b6b2d80af"
    "960560c2f455754b17e69508e68e01fa7f91ce500a44fc57fcd29cc8d1e1b59657"
    "f92dd0c9259a60f3653241304e4cd77e3bd1f61f864acdec1495f650dace7a927f"
    "ffd1ba3d6f8da6dd"
)
SEALED_HEX = (
    "000102030405060708090a0b4d00bb7ed7e1c81b8d408d8ad9cb7903a9d0f05b82"
    "103a0e0a69b1e47106739229669fd29def21b14e8475eff8ec3a28ee59608d5ad6"
    "a3da3f972a1918e3f5eeea34cc7ed92526610c4ce86de7243cd4c84333a0090716"
    "f8866280517a36e8"
)

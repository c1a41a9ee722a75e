// Opens what nodes sealed, in the browser: AES by WebCrypto, messages by a small
// bounded reader. Everything that comes in was made by strangers.

const BLOCK = 16;
const NONCE = 12;
const TAG = 16;
const FIELDS_MAX = 4096;

export class Unreadable extends Error {}

// ---- keys ------------------------------------------------------------------------

/** Returns the bytes of a base64 secret, either alphabet; throws Unreadable. */
export function secretFromText(text) {
  const plain = text.trim().replace(/-/g, "+").replace(/_/g, "/");
  if (!plain) throw new Unreadable("No secret was typed.");
  let raw;
  try {
    raw = Uint8Array.from(atob(plain), (c) => c.charCodeAt(0));
  } catch {
    throw new Unreadable("That is not base64.");
  }
  if (raw.length !== 16 && raw.length !== 32) {
    throw new Unreadable(`That is ${raw.length} bytes; a cluster secret has 32.`);
  }
  return raw;
}

/** Returns the keys of both ways of sealing; they cannot be read out again. */
export async function keysFromSecret(raw) {
  const [record, endpoint] = await Promise.all([
    crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]),
    crypto.subtle.importKey("raw", raw, "AES-CBC", false, ["encrypt", "decrypt"]),
  ]);
  return { record, endpoint };
}

// ---- opening ---------------------------------------------------------------------

/** Returns the affiliate behind a sealed record: nonce, ciphertext, tag. */
export async function openAffiliate(keys, sealed) {
  if (sealed.length < NONCE + TAG) throw new Unreadable("too short");
  const iv = sealed.subarray(0, NONCE);
  let plain;
  try {
    plain = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv }, keys.record, sealed.subarray(NONCE));
  } catch {
    throw new Unreadable("sealed with another secret, or damaged");
  }
  return affiliateFromBytes(new Uint8Array(plain));
}

/** Returns the endpoint behind a sealed one: blocks, each sealed by itself. */
export async function openEndpoint(keys, sealed) {
  if (sealed.length === 0 || sealed.length % BLOCK !== 0) {
    throw new Unreadable("no whole blocks");
  }
  const plain = new Uint8Array(sealed.length);
  for (let at = 0; at < sealed.length; at += BLOCK) {
    plain.set(await openBlock(keys.endpoint, sealed.subarray(at, at + BLOCK)), at);
  }
  if (plain[0] > plain.length - 1) throw new Unreadable("length beyond the end");
  return endpointFromBytes(plain.subarray(1, 1 + plain[0]));
}

// WebCrypto has no way to open one block alone, and its CBC insists on padding. So a
// second block is made that opens to sixteen 16s after this one: the padding itself.
async function openBlock(key, block) {
  const padding = new Uint8Array(await crypto.subtle.encrypt(
    { name: "AES-CBC", iv: block }, key, new Uint8Array(0)));
  const both = new Uint8Array(2 * BLOCK);
  both.set(block);
  both.set(padding, BLOCK);
  return new Uint8Array(await crypto.subtle.decrypt(
    { name: "AES-CBC", iv: new Uint8Array(BLOCK) }, key, both));
}

// ---- messages (protobuf) ---------------------------------------------------------

function affiliateFromBytes(bytes) {
  const affiliate = {
    nodeId: "", addresses: [], hostname: "", nodename: "", machineType: "",
    operatingSystem: "", kubespan: null, apiServerPort: null,
  };
  for (const [field, value] of fieldsFromBytes(bytes)) {
    switch (field) {
      case 1: affiliate.nodeId = text(value); break;
      case 2: affiliate.addresses.push(address(chunk(value))); break;
      case 3: affiliate.hostname = text(value); break;
      case 4: affiliate.nodename = text(value); break;
      case 5: affiliate.machineType = text(value); break;
      case 6: affiliate.operatingSystem = text(value); break;
      case 7: affiliate.kubespan = kubespanFromBytes(chunk(value)); break;
      case 8: affiliate.apiServerPort = portFromBytes(chunk(value)); break;
    }
  }
  return affiliate;
}

function kubespanFromBytes(bytes) {
  const kubespan = { publicKey: "", address: "", advertised: [], excluded: [] };
  for (const [field, value] of fieldsFromBytes(bytes)) {
    switch (field) {
      case 1: kubespan.publicKey = text(value); break;
      case 2: kubespan.address = address(chunk(value)); break;
      case 3: kubespan.advertised.push(prefixFromBytes(chunk(value))); break;
      case 4: kubespan.excluded.push(prefixFromBytes(chunk(value))); break;
    }
  }
  return kubespan;
}

function prefixFromBytes(bytes) {
  let ip = "";
  let bits = 0;
  for (const [field, value] of fieldsFromBytes(bytes)) {
    if (field === 1) ip = address(chunk(value));
    if (field === 2) bits = number(value);
  }
  return `${ip || "?"}/${bits}`;
}

function portFromBytes(bytes) {
  let port = 0;
  for (const [field, value] of fieldsFromBytes(bytes)) {
    if (field === 1) port = number(value);
  }
  return port;
}

function endpointFromBytes(bytes) {
  let ip = "";
  let port = 0;
  for (const [field, value] of fieldsFromBytes(bytes)) {
    if (field === 1) ip = address(chunk(value));
    if (field === 2) port = number(value);
  }
  if (!ip || port > 65535) throw new Unreadable("no endpoint");
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

// Yields [field number, value]: a number for varints, bytes for what has a length,
// null for what none of our messages has.
function* fieldsFromBytes(bytes) {
  const reader = { bytes, at: 0 };
  for (let count = 0; reader.at < bytes.length; count++) {
    if (count >= FIELDS_MAX) throw new Unreadable("too many fields");
    const tag = varint(reader);
    const field = tag >>> 3;
    if (field === 0) throw new Unreadable("no field number");
    yield [field, valueOfType(reader, tag & 7)];
  }
}

function valueOfType(reader, type) {
  switch (type) {
    case 0: return varint(reader);
    case 1: take(reader, 8); return null;
    case 2: return take(reader, varint(reader));
    case 5: take(reader, 4); return null;
    default: throw new Unreadable("unknown type of field");
  }
}

// Returns the low 32 bits, as readers of uint32 do; at most ten bytes.
function varint(reader) {
  let value = 0;
  for (let count = 0; count < 10; count++) {
    if (reader.at >= reader.bytes.length) break;
    const byte = reader.bytes[reader.at++];
    if (count < 5) value = (value | ((byte & 0x7f) << (7 * count))) >>> 0;
    if (byte < 0x80) return value;
  }
  throw new Unreadable("number cut short");
}

function take(reader, length) {
  const end = reader.at + length;
  if (end > reader.bytes.length) throw new Unreadable("field cut short");
  const taken = reader.bytes.subarray(reader.at, end);
  reader.at = end;
  return taken;
}

function chunk(value) {
  if (!(value instanceof Uint8Array)) throw new Unreadable("wrong type of field");
  return value;
}

function number(value) {
  if (typeof value !== "number") throw new Unreadable("wrong type of field");
  return value;
}

function text(value) {
  return visible(new TextDecoder().decode(chunk(value)));
}

/** Returns a text with everything that cannot be seen written out. */
export function visible(raw) {
  return raw.replace(/[\p{C}\p{Zl}\p{Zp}]/gu,
    (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

// ---- addresses -------------------------------------------------------------------

// 4 bytes, 16 bytes, or 16 and the text of a zone; empty for none.
function address(bytes) {
  if (bytes.length === 0) return "";
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length < 16) throw new Unreadable("no address");
  const zone = bytes.length > 16 ? "%" + text(bytes.subarray(16)) : "";
  return ipv6(bytes.subarray(0, 16)) + zone;
}

function ipv6(bytes) {
  const groups = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes[at] * 256 + bytes[at + 1]);
  const mapped = groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff;
  if (mapped) return "::ffff:" + bytes.subarray(12).join(".");
  const [start, length] = longestZeros(groups);
  const hex = groups.map((g) => g.toString(16));
  if (length < 2) return hex.join(":");
  return hex.slice(0, start).join(":") + "::" + hex.slice(start + length).join(":");
}

// The first longest run of zero groups (RFC 5952).
function longestZeros(groups) {
  let best = [0, 0];
  let length = 0;
  groups.forEach((group, index) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best[1]) best = [index - length + 1, length];
  });
  return best;
}

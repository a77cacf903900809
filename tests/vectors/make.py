#!/usr/bin/env python3
"""Writes the vectors of docs/format.md without Chancery's code.

usage: make.py          writes every vector beside this script

The certificates and the registry's signature are made by openssl and differ with every run; they are made
only where they are missing, so that a second run changes nothing. The rest follows from them.
Needs Python 3.9 with the package `cryptography`, and openssl 3.
"""
import base64, hashlib, os, pathlib, subprocess, tempfile
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = pathlib.Path(__file__).resolve().parent
RELEASE = 1795345200  # 2026-11-22T11:00:00Z, a whole minute
VALID_UNTIL = RELEASE + 30 * 24 * 3600
SENT, COSIGNED = RELEASE + 5400 + 5, RELEASE + 5400 + 7  # after openssl signed; its clock is the machine's
ORIGIN, COSIGNER = "mfa.xa.example/chancery/xb/2026", "mfa.xb.example/chancery/cosigner"


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- protobuf, in the one canonical encoding ---------------------------------------------------------------

def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One field; a default value is left out."""
    if isinstance(value, list):
        return b"".join(element(number, entry) for entry in value)
    return element(number, value) if value else b""


def element(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def record(*values):
    return b"".join(field(number, value) for number, value in enumerate(values, 1))


# --- files -------------------------------------------------------------------------------------------------

def hexadecimal(data):
    digits = data.hex()
    return "".join(digits[at:at + 64] + "\n" for at in range(0, len(digits), 64))


def save(name, content):
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else hexadecimal(content))


def load(name):
    return bytes.fromhex((HERE / name).read_text())


# --- the registry's signature, by openssl ------------------------------------------------------------------

CONFIG = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical,CA:TRUE,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
[desk]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = 1.3.6.1.5.5.7.3.36
[registry]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation
extendedKeyUsage = 1.3.6.1.5.5.7.3.36
subjectAltName = URI:chancery://XA/registry,URI:chancery://XA/authority/register
"""


def sign_with_openssl(header):
    """Founds XA's root, desk authority and registry, and signs the header with the profile's arguments."""
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        (place / "config").write_text(CONFIG)
        (place / "header").write_bytes(header)

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)

        for name, issuer, common in [("root", None, "XA root authority"), ("desk", "root", "XA desk authority"),
                                     ("registry", "desk", "chancery://XA/registry")]:
            openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
            openssl("req", "-new", "-key", f"{name}.key", "-subj", f"/O=XA/CN={common.replace('/', chr(92) + '/')}",
                    "-config", "config", "-out", f"{name}.csr")
            by = ["-signkey", "root.key"] if issuer is None else ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"]
            openssl("x509", "-req", "-in", f"{name}.csr", *by, "-sha256", "-days", "7300", "-extfile", "config",
                    "-extensions", name, "-set_serial", "0x" + os.urandom(15).hex().join(["4a", ""]),
                    "-out", f"{name}.pem")
            openssl("x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
            save(f"trust/{name}.hex", (place / f"{name}.der").read_bytes())
        openssl("cms", "-sign", "-binary", "-outform", "DER", "-cades", "-nosmimecap", "-md", "sha256",
                "-certfile", "desk.pem", "-signer", "registry.pem", "-inkey", "registry.key",
                "-in", "header", "-out", "p7s")
        save("envelope/signature.hex", (place / "p7s").read_bytes())


# --- the header --------------------------------------------------------------------------------------------

def reference(letter, data):
    """`C-XXXX-XXXX-XXXX` of eleven elements of GF(32) and the check element."""
    alphabet, total = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 0
    for value in [*data, 0]:
        total = (total << 1 ^ 0b100101 if total & 16 else total << 1) ^ value
    text = "".join(alphabet[value] for value in [*data, total])
    return f"{letter}-{text[:4]}-{text[4:8]}-{text[8:]}"


def channel(*fingerprints):
    return "ch-" + sha256(b"chancery/channel/v1", *sorted(fingerprints)).hex()[:16]


PARTS = [b"A gateway cannot tell that this is no age file.", bytes(300_000)]


def address(**changes):
    values = dict(
        context="chancery/address/v1", channel=channel(sha256(b"root of XA"), sha256(b"root of XB")),
        consultation=reference("C", range(1, 12)), sender="XA",
        addressees=[record("XB", 1)], precedence=2, level=2, releasable_to=["XA", "XB"])
    values.update(changes)
    return record(*values.values())


def position(**changes):
    values = dict(context="chancery/position/v1", recipient="XB", sequence=2, previous=sha256(b"message 1"),
                  act_number=1, release_time=RELEASE, valid_until=VALID_UNTIL)
    values.update(changes)
    return record(*values.values())


def parts():
    return record("chancery/parts/v1", [record(sha256(part), len(part)) for part in PARTS])


def header(address=address(), position=position(), parts=parts(), context="chancery/header/v1"):
    return record(context, address, position, parts)


REFUSED = {
    "NOT_CANONICAL": {
        "unknown-field": header() + field(5, b"more"),
        "unknown-field-inside": header(address=address() + field(9, b"more")),
        "fields-in-another-order": record("", address(), position(), parts()) + field(1, "chancery/header/v1"),
        "a-field-twice": field(1, "chancery/header/v1") + header(),
        "a-length-of-two-bytes": b"\x0a\x92\x00" + header()[2:],
        "a-default-written-out": header(position=position().replace(b"\x28\x01", b"\x28\x00")),
    },
    "MALFORMED": {
        "cut-short": header()[:-1],
        "another-context": header(context="chancery/header/v2"),
        "a-dispatch-for-an-address": header(address=address(context="chancery/dispatch/v1")),
        "addressees-out-of-order": header(address=address(addressees=[record("XC", 1), record("XB", 1)])),
        "an-addressee-twice": header(address=address(addressees=[record("XB", 1), record("XB", 2)])),
        "an-unknown-level": header(address=address(level=6)),
        "no-precedence": header(address=address(precedence=0)),
        "a-recipient-who-is-no-addressee": header(position=position(recipient="XC")),
        "the-sender-as-recipient": header(address=address(addressees=[record("XA", 1)]),
                                          position=position(recipient="XA")),
        "sequence-0": header(position=position(sequence=0)),
        "sequence-1-with-a-message-before": header(position=position(sequence=1)),
        "sequence-2-without-one": header(position=position(previous=b"")),
        "a-release-between-minutes": header(position=position(release_time=RELEASE + 1)),
        "a-validity-that-ends-at-release": header(position=position(valid_until=RELEASE)),
        "no-parts": header(parts=record("chancery/parts/v1")),
        "a-digest-of-31-bytes": header(parts=record("chancery/parts/v1", [record(bytes(range(31)), 1)])),
    },
    "TOO_LARGE": {
        "an-empty-part": header(parts=record("chancery/parts/v1", [record(sha256(b""), 0)])),
        "longer-than-8-KiB": header() + field(5, bytes([1]) * 8192),
    },
}


# --- the log -----------------------------------------------------------------------------------------------

def leaf(kind, id=b"", envelope=b"", parts=b"", time=SENT, reason="", concerned=b""):
    return record("chancery/leaf/v1", kind, id, envelope, parts, time, reason, concerned)


def leaf_hash(data):
    return sha256(b"\x00", data)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


def b64(data):
    return base64.b64encode(data).decode()


def public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(name, kind, key):
    return sha256(name.encode(), b"\n", bytes([kind]), public(key))[:4]


def vkey(name, kind, key):
    return f"{name}+{key_id(name, kind, key).hex()}+{b64(bytes([kind]) + public(key))}"


def line(name, kind, key, signature):
    return f"\u2014 {name} {b64(key_id(name, kind, key) + signature)}\n"


def main():
    if not (HERE / "envelope/signature.hex").exists():
        sign_with_openssl(header())
    save("header/address.hex", address())
    save("header/position.hex", position())
    save("header/parts.hex", parts())
    save("header/header.hex", header())
    save("header/id.hex", sha256(header()))
    for reason, defects in REFUSED.items():
        for name, data in defects.items():
            assert data != header()
            save(f"header/refused/{reason}/{name}.hex", data)

    signed = record(header(), load("envelope/signature.hex"))
    envelope_digest, parts_digest = sha256(signed), sha256(*map(sha256, PARTS))
    save("envelope/envelope.hex", signed + element(3, PARTS[0]) + element(3, b""))
    save("envelope/digest.hex", envelope_digest)
    save("envelope/parts-digest.hex", parts_digest)

    sent = leaf(1, sha256(header()), envelope_digest, parts_digest)
    leaves = [leaf(5, time=SENT - 60, concerned=sha256(b"bundle of XB")), sent,
              leaf(2, sha256(b"another"), sha256(b"its envelope"), sha256(b"its parts"), time=SENT + 1)]
    first, second, third = map(leaf_hash, leaves)
    root = node_hash(node_hash(first, second), third)
    save("log/leaf.hex", sent)
    save("log/leaf-hash.hex", second)
    save("log/root.hex", root)

    log_key, cosigner_key = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (0x11, 0x22))
    body = f"{ORIGIN}\n3\n{b64(root)}\n"
    message = f"cosignature/v1\ntime {COSIGNED}\n{body}"
    checkpoint = body + "\n" + line(ORIGIN, 1, log_key, log_key.sign(body.encode()))
    checkpoint += line(COSIGNER, 4, cosigner_key, COSIGNED.to_bytes(8, "big") + cosigner_key.sign(message.encode()))
    proof = f"c2sp.org/tlog-proof@v1\nindex 1\n{b64(first)}\n{b64(third)}\n\n{checkpoint}"
    save("log/proof.txt", proof)
    save("log/receipt.hex", record(sent, proof))
    save("log/announced.txt", f"{vkey('mfa.xa.example/chancery', 1, log_key)}\n{vkey(COSIGNER, 4, cosigner_key)}\n")
    save("log/policy.txt", f"log {vkey(ORIGIN, 1, log_key)}\nwitness {vkey(COSIGNER, 4, cosigner_key)}\n")


main()

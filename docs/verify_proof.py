#!/usr/bin/env python3
"""Checks a receipt of a Chancery gateway without Chancery.

usage: verify_proof.py PROOF LEAF POLICY

PROOF   the proof of inclusion (c2sp.org/tlog-proof)
LEAF    the exact bytes of the log entry that it proves
POLICY  the keys you trust, one a line: `log <vkey>` or `witness <vkey>` (c2sp.org/signed-note);
        the name of a log's key is the log's origin; every witness listed must have cosigned

Exit code 0 and a line for each finding if the receipt is good; 1 and the reason if it is not.
Needs Python 3.9 and the package `cryptography`, nothing else.
"""
import base64, hashlib, sys
from datetime import datetime, timezone
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LOG, WITNESS = 1, 4  # signature types: Ed25519 over the text; Ed25519 over a time and the text


def demand(condition, otherwise):
    if not condition:
        raise ValueError(otherwise)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def decode(text):
    data = base64.b64decode(text, validate=True)
    demand(base64.b64encode(data).decode() == text, f"{text!r} is not canonical base64")
    return data


def decimal(text):
    canonical = text.isascii() and text.isdigit() and str(int(text)) == text
    demand(canonical, f"{text!r} is not a canonical number")
    return int(text)


def read_policy(text):
    """The trusted keys: {(name, key id): (type, public key)}."""
    keys = {}
    for line in filter(None, (line.partition("#")[0].strip() for line in text.splitlines())):
        role, _, vkey = line.partition(" ")
        demand(role in ("log", "witness") and vkey.count("+") >= 2, f"policy line {line!r} is not understood")
        name, key_id, key = vkey.strip().split("+", 2)
        key = decode(key)
        demand(len(key) == 33, f"the key of {name} is not an Ed25519 key")
        demand(sha256(name.encode(), b"\n", key)[:4].hex() == key_id, f"the key id of {name} is wrong")
        demand(key[0] == (LOG if role == "log" else WITNESS), f"the key of {name} is not a {role} key")
        keys[name, bytes.fromhex(key_id)] = (key[0], Ed25519PublicKey.from_public_bytes(key[1:]))
    return keys


def read_proof(text):
    """Index, hashes and checkpoint of the proof."""
    head, _, checkpoint = text.partition("\n\n")
    first, *lines = head.split("\n")
    demand(first == "c2sp.org/tlog-proof@v1", "this is not a proof of inclusion")
    if lines and lines[0].startswith("extra "):  # nobody signed it
        lines.pop(0)
    demand(lines and lines[0].startswith("index "), "the proof names no index")
    return decimal(lines[0][len("index "):]), [decode(line) for line in lines[1:]], checkpoint


def verified_signers(text, lines, keys):
    """Checks every line of a trusted key; returns {(name, key id): time or None}."""
    signers = {}
    for line in lines:
        demand(line.count(" ") == 2 and line.startswith("\u2014 "), f"{line!r} is not a signature line")
        _, name, signature = line.split(" ")
        key_id, signature = decode(signature)[:4], decode(signature)[4:]
        if (name, key_id) not in keys:  # a stranger's line proves nothing and harms nothing
            continue
        kind, key = keys[name, key_id]
        message, time = text, None
        if kind == WITNESS:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            message = f"cosignature/v1\ntime {time}\n{text}"
        try:
            key.verify(signature, message.encode())
        except InvalidSignature:
            raise ValueError(f"the signature of {name} is wrong") from None
        signers[name, key_id] = time
    return signers


def root_of(leaf, index, size, path):
    """The root hash to which a leaf and its path lead (RFC 9162, section 2.1.3.2)."""
    demand(index < size, f"entry {index} lies beyond the log's {size} entries")
    node, place, last = sha256(b"\0", leaf), index, size - 1
    for sibling in path:
        demand(last > 0, "the proof is too long")
        if place % 2 == 1 or place == last:
            node = sha256(b"\1", sibling, node)
            while place % 2 == 0 and place != 0:
                place, last = place // 2, last // 2
        else:
            node = sha256(b"\1", node, sibling)
        place, last = place // 2, last // 2
    demand(last == 0, "the proof is too short")
    return node


def check(proof, leaf, policy):
    keys = read_policy(policy)
    index, path, checkpoint = read_proof(proof)
    text, blank, signatures = checkpoint.rpartition("\n\n")
    demand(blank and signatures.endswith("\n"), "the checkpoint is not a signed note")
    signers = verified_signers(text + "\n", signatures[:-1].split("\n"), keys)

    demand(text.count("\n") == 2, "the checkpoint is not an origin, a size and a root hash")
    origin, size, root = text.split("\n")
    size = decimal(size)
    logs = [name for name, key_id in signers if keys[name, key_id][0] == LOG]
    demand(origin in logs, f"no trusted key of the log {origin} signed the checkpoint")
    demand(root_of(leaf, index, size, path) == decode(root), "the entry is not in the log at this index")
    findings = [f"the log {origin} holds the entry at index {index} of {size}"]

    for (name, key_id), (kind, _) in keys.items():
        if kind == WITNESS:
            demand((name, key_id) in signers, f"the witness {name} has not cosigned")
            time = datetime.fromtimestamp(signers[name, key_id], timezone.utc)
            findings.append(f"cosigned by {name} at {time:%Y-%m-%dT%H:%M:%SZ}")
    return findings


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    proof, leaf, policy = (open(path, "rb").read() for path in sys.argv[1:])
    try:
        print(*check(proof.decode(), leaf, policy.decode()), "GOOD", sep="\n")
    except (ValueError, OverflowError) as reason:
        print(f"NOT GOOD: {reason}")
        sys.exit(1)

#!/usr/bin/env python3
"""Checks a proof that the log of a Chancery gateway forked, without Chancery.

usage: verify_fork.py PROOF POLICY

PROOF   what `chancery log fork -o PROOF` wrote (format.md section 20)
POLICY  the keys you trust, one a line: `log <vkey>`, as the trust bundle announces it; its name begins the origin

Exit code 0 if the keeper of the log has signed two histories; 1 and the reason if the file does not prove it.
Needs Python 3.9, the package `cryptography`, and verify_proof.py beside it.
"""
import sys
from cryptography.exceptions import InvalidSignature
from verify_proof import LOG, decimal, decode, demand, read_policy, sha256


def checkpoint(note):
    """Origin, size, root, signed text and signature lines of a checkpoint."""
    text, _, lines = note.partition("\n\n")
    origin, size, root = text.split("\n")
    return origin, decimal(size), decode(root), text + "\n", lines.splitlines()


def signed(note, keys):
    """Whether a trusted log key, under the name of the log, has signed the checkpoint."""
    origin, _, _, text, lines = checkpoint(note)
    for (name, _), (kind, key) in keys.items():
        public = key.public_bytes_raw()
        wanted = sha256(origin.encode(), b"\n", bytes([LOG]), public)[:4]
        if kind != LOG or not origin.startswith(name + "/"):
            continue
        for line in lines:
            dash, signer, blob = line.split(" ")
            blob = decode(blob)
            if dash == "\u2014" and signer == origin and blob[:4] == wanted:
                try:
                    key.verify(blob[4:], text.encode())
                    return True
                except InvalidSignature:
                    pass
    return False


def consistent(old, old_root, new, new_root, path):
    """RFC 9162 section 2.1.4.2: the tree of `old` entries is the beginning of the tree of `new`."""
    demand(0 < old <= new, "the sizes are not in order")
    if old == new:
        return not path and old_root == new_root
    if old & (old - 1) == 0:
        path = [old_root] + path
    demand(path, "the proof of consistency is empty")
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = path[0]
    for node in path[1:]:
        demand(last, "the proof of consistency is too long")
        if position & 1 or position == last:
            first, second = sha256(b"\1", node, first), sha256(b"\1", node, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = sha256(b"\1", second, node)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def main(proof, policy):
    with open(policy, encoding="utf-8") as file:
        keys = read_policy(file.read())
    with open(proof, encoding="utf-8", newline="") as file:
        sections = file.read().split("\ncheckpoint\n")
    demand(len(sections) == 3, "this is no fork proof")
    head = sections[0].split("\n")
    demand(head[0] == "chancery/fork-proof/v1" and head[1].startswith("root "), "this is no fork proof")
    demand(all(line.startswith("path ") for line in head[2:]), "this is no fork proof")
    root, path = decode(head[1][5:]), [decode(line[5:]) for line in head[2:]]
    notes = sections[1] + "\n", sections[2]
    (origin, size, claimed, _, _), (other, later, last, _, _) = map(checkpoint, notes)
    demand(origin == other, "the checkpoints are of two logs")
    demand(claimed != root, "the checkpoints can both be true")
    demand(consistent(size, root, later, last, path), "the hashes do not join the two checkpoints")
    demand(all(signed(note, keys) for note in notes), "no trusted key of this log has signed both checkpoints")
    print(f"proven: the keeper of {origin} signed two histories, which differ at size {size} or before")


if __name__ == "__main__":
    try:
        demand(len(sys.argv) == 3, __doc__)
        main(*sys.argv[1:])
    except (OSError, ValueError) as reason:
        sys.exit(f"not proven: {reason}")

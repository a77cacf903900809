#!/usr/bin/env python3
"""Checks archives that Chancery gateways exported, without Chancery.

usage: check_archive.py [OPTION]... ARCHIVE...

ARCHIVE is a folder that `chancery --home GATEWAY log export` wrote: of one ministry, or of several that are
compared with each other. Everything is computed anew from the exact bytes: every root and tile; every signature
under a checkpoint, a header and a trust bundle; every cosignature; every receipt. Logs are compared leaf by leaf
with the mirrors that the other side keeps. Of every message there must be one entry of its sender and at most one
answer of its recipient, in the order of the numbers, without a gap.

  --drained              nothing is under way any more: every message is answered, every log is mirrored and cosigned
                         to its end, and every desk of a history has fetched everything
  --history FILE         what a desk was told (docs/format.md section 19); may be given several times. It must have
                         ended before the export began
  --fingerprint CODE=HEX the root of a ministry, as compared over another way; without it archives prove themselves only
  --json                 one JSON object instead of text

Exit code 0 if all is well, 1 if anything is wrong, 2 if the command is. Revocation of certificates is not judged.
Needs Python 3.9 and the package `cryptography`, nothing else.
"""
import argparse, base64, collections, functools, hashlib, json, pathlib, sys
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates

SENT, RECEIVED, REJECTED, EXPIRED, BUNDLE, POLICY, OPENED, WITHDRAWN = range(1, 9)
ABOUT_MESSAGES = {SENT, RECEIVED, REJECTED, EXPIRED, WITHDRAWN}
LOG, COSIGNER = 1, 4  # types of keys in signed notes
WIDTH = 256  # entries of a full bundle, hashes of a full tile


class Wrong(Exception):
    """A fault with its stable code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def demand(condition, code, text):
    if not condition:
        raise Wrong(code, text)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# --- Canonical records (docs/format.md section 1)

def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def read_varint(data, at):
    number = shift = 0
    while True:
        demand(at < len(data) and shift < 70, "MALFORMED", "a record ends inside a number")
        byte = data[at]
        number, shift, at = number | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return number, at


def record(data, names, repeated=()):
    """The fields of a canonical record by name; `names` has all field numbers that there may be."""
    found, at, last = {name: [] for name in repeated}, 0, 0
    while at < len(data):
        begin = at
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        demand(number in names and kind in (0, 2), "MALFORMED", f"a record has the unknown field {number}")
        name = names[number]
        demand(number > last or number == last and name in repeated, "MALFORMED", f"{name} is out of order")
        value, at = read_varint(data, at)
        if kind == 2:
            length, at = value, at + value
            demand(at <= len(data), "MALFORMED", f"a record ends inside {name}")
            value = data[at - length:at]
        encoded = varint(tag) + (varint(value) if kind == 0 else varint(len(value)) + value)
        demand(encoded == data[begin:at], "MALFORMED", f"{name} is not encoded canonically")
        if name in repeated:
            found[name].append(value)
        else:
            demand(value, "MALFORMED", f"{name} is there although it is empty")
            found[name] = value
        last = number
    return collections.defaultdict(bytes, found)


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value if value else b""


Leaf = collections.namedtuple("Leaf", "kind id envelope parts time reason")
LEAF = {1: "context", 2: "kind", 3: "id", 4: "envelope", 5: "parts", 6: "time", 7: "reason", 8: "record"}


@functools.lru_cache(maxsize=1 << 17)
def read_leaf(data):
    leaf = record(data, LEAF)
    demand(leaf["context"] == b"chancery/leaf/v1", "MALFORMED", "an entry is no leaf")
    kind = leaf["kind"] or 0
    if kind in ABOUT_MESSAGES:
        sizes = [len(leaf[name]) for name in ("id", "envelope", "parts")]
        demand(sizes == [32] * 3, "MALFORMED", "a leaf about a message names none")
    return Leaf(kind, leaf["id"], leaf["envelope"], leaf["parts"], leaf["time"] or 0, leaf["reason"].decode())


ADMINISTRATION = "ADMINISTRATION"  # in the place of a ministry: the log of what was done to the gateway, of no pair
ACT = {1: "context", 2: "verb", 3: "ministry", 4: "digest", 5: "reason", 6: "who", 7: "time"}


def read_act(data):
    act = record(data, ACT)
    demand(act["context"] == b"chancery/administration/v1", "MALFORMED", "an entry is no administrative leaf")
    demand(act["verb"] and act["who"] and act["time"], "MALFORMED", "an administrative leaf names nobody or nothing")
    demand(len(act["digest"]) in (0, 32), "MALFORMED", "an administrative leaf has a digest that is none")


Header = collections.namedtuple("Header", "channel sender recipient sequence previous parts")


def read_header(data):
    header = record(data, {1: "context", 2: "address", 3: "position", 4: "parts"})
    demand(header["context"] == b"chancery/header/v1", "MALFORMED", "a header is none")
    address = record(header["address"], {1: "context", 2: "channel", 3: "consultation", 4: "sender", 5: "addressees",
                                         6: "precedence", 7: "level", 8: "releasable"}, {"addressees", "releasable"})
    position = record(header["position"], {1: "context", 2: "recipient", 3: "sequence", 4: "previous",
                                           5: "act", 6: "release", 7: "valid"})
    parts = record(header["parts"], {1: "context", 2: "parts"}, {"parts"})["parts"]
    digests = b"".join(record(part, {1: "digest", 2: "size"})["digest"] for part in parts)
    return Header(address["channel"].decode(), address["sender"].decode(), position["recipient"].decode(),
                  position["sequence"] or 0, position["previous"], sha256(digests))


# --- Merkle trees (RFC 6962)

class Tree:
    def __init__(self, leaves):
        self.levels = [[sha256(b"\0", leaf) for leaf in leaves]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([sha256(b"\1", below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)])

    def root(self, size):
        """Root over the first `size` leaves."""
        if size == 0:
            return sha256()
        node = None
        for level in range(size.bit_length()):
            if size >> level & 1:
                left = self.levels[level][(size >> level) - 1]
                node = left if node is None else sha256(b"\1", left, node)
        return node


def root_of(leaf, index, size, path):
    """The root to which a leaf and its path lead (RFC 9162, section 2.1.3.2)."""
    demand(index < size, "RECEIPT_FORGED", "a receipt's entry lies beyond its checkpoint")
    node, place, last = sha256(b"\0", leaf), index, size - 1
    for sibling in path:
        demand(last > 0, "RECEIPT_FORGED", "the path of a receipt is too long")
        if place % 2 == 1 or place == last:
            node = sha256(b"\1", sibling, node)
            while place % 2 == 0 and place != 0:
                place, last = place // 2, last // 2
        else:
            node = sha256(b"\1", node, sibling)
        place, last = place // 2, last // 2
    demand(last == 0, "RECEIPT_FORGED", "the path of a receipt is too short")
    return node


# --- Signatures of offices (docs/format.md section 4)

def der(data, at=0):
    """Tag, content and end of the element at `at`, and where it begins."""
    tag, length, begin = data[at], data[at + 1], at + 2
    if length & 128:
        count = length & 127
        length, begin = int.from_bytes(data[begin:begin + count], "big"), begin + count
    return tag, data[begin:begin + length], begin + length


def children(data):
    at, found = 0, []
    while at < len(data):
        tag, content, end = der(data, at)
        found.append((tag, content, data[at:end]))
        at = end
    return found


HASHES = {"608648016503040201": hashes.SHA256(), "608648016503040202": hashes.SHA384(),
          "608648016503040203": hashes.SHA512()}
MESSAGE_DIGEST = "2a864886f70d010904"


def signer_of(signature, content):
    """The certificate whose key has signed `content`: a detached CMS SignedData."""
    signed = children(children(children(der(signature)[1])[1][1])[0][1])
    info = children(children(signed[-1][1])[0][1])
    serial = int.from_bytes(children(info[1][1])[1][1], "big", signed=True)
    algorithm = HASHES[children(info[2][1])[0][1].hex()]
    attributes = {children(one)[0][1].hex(): children(children(one)[1][1])[0][1] for _, one, _ in children(info[3][1])}
    digest = hashes.Hash(algorithm)
    digest.update(content)
    if attributes[MESSAGE_DIGEST] != digest.finalize():
        raise InvalidSignature
    certificate = next(one for one in load_der_pkcs7_certificates(signature) if one.serial_number == serial)
    key, covered = certificate.public_key(), b"\x31" + info[3][2][1:]
    arguments = (ec.ECDSA(algorithm),) if isinstance(key, ec.EllipticCurvePublicKey) else ()
    key.verify(info[5][1], covered, *arguments)
    return certificate


def names(certificate):
    san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return san.get_values_for_type(x509.UniformResourceIdentifier)


class Ministry:
    """What a ministry has published about itself, in all its bundles."""

    def __init__(self, code):
        self.code, self.root, self.domain, self.authorities = code, None, None, {}
        self.keys, self.fingerprint, self.issued = set(), None, {}

    def learn(self, data):
        signed = record(data, {1: "record", 2: "signature"})
        numbers = {number: name for number, name in enumerate(
            "context ministry name domain sequence previous from until root transport desk logs cosigners reading "
            "endpoints lists".split(), 1)}
        repeated = {"transport", "desk", "logs", "cosigners", "reading", "endpoints", "lists"}
        bundle = record(signed["record"], numbers, repeated)
        root = x509.load_der_x509_certificate(bundle["root"])
        whose, fingerprint = f"the bundle {bundle['sequence']} of {self.code}", sha256(bundle["root"]).hex()
        demand(bundle["ministry"].decode() == self.code, "BUNDLE_WRONG", f"{whose} is another ministry's")
        demand(self.fingerprint in (None, fingerprint), "BUNDLE_WRONG", f"{self.code} has two roots")
        try:
            root.verify_directly_issued_by(root)
            signer = signer_of(signed["signature"], signed["record"])
            signer.verify_directly_issued_by(root)
            for authority in map(x509.load_der_x509_certificate, bundle["desk"]):
                authority.verify_directly_issued_by(root)
                self.authorities[authority.fingerprint(hashes.SHA256())] = authority
        except (InvalidSignature, ValueError, KeyError, IndexError, StopIteration, TypeError):
            raise Wrong("BUNDLE_WRONG", f"{whose} is not signed under its root") from None
        demand(f"chancery://{self.code}/trust" in names(signer), "BUNDLE_WRONG", f"{whose} is not signed for that")
        self.root, self.fingerprint, self.domain = root, fingerprint, bundle["domain"].decode()
        for kind, vkeys in ((LOG, bundle["logs"]), (COSIGNER, bundle["cosigners"])):
            for vkey in vkeys:
                name, _, key = vkey.decode().split("+", 2)
                key = base64.b64decode(key)
                if key[0] == kind:  # other types are tolerated and verify nothing
                    self.keys.add((kind, name, key[1:]))

    def is_registry(self, certificate):
        if certificate not in self.issued:
            self.issued[certificate] = f"chancery://{self.code}/registry" in names(certificate) and any(
                issued_by(certificate, authority) for authority in self.authorities.values())
        return self.issued[certificate]


def issued_by(certificate, authority):
    try:
        certificate.verify_directly_issued_by(authority)
        return True
    except (InvalidSignature, ValueError, TypeError):
        return False


# --- The check

class Log:
    """A log as one archive holds it: its own, or the mirror of another ministry's."""

    def __init__(self, origin, keeper, about, holder):
        self.origin, self.keeper, self.about, self.holder = origin, keeper, about, holder
        self.leaves, self.tree, self.cosigned = [], None, 0

    def __str__(self):
        return f"{self.origin} at {self.holder}"


Message = collections.namedtuple("Message", "header bytes signature log index receipt")
Checkpoint = collections.namedtuple("Checkpoint", "origin size root cosigned")


class Check:
    def __init__(self, drained):
        self.drained, self.counts, self.faults = drained, collections.Counter(), []
        self.ministries, self.logs, self.messages = {}, {}, {}
        self.opened, self.received = {}, {}

    def attempt(self, work, *arguments):
        """Does one piece of the work; what is wrong is noted, and the rest is checked all the same."""
        try:
            return work(*arguments)
        except Wrong as wrong:
            self.faults.append((wrong.code, str(wrong)))
        except (ValueError, KeyError, IndexError, TypeError, OSError) as cause:
            self.faults.append(("MALFORMED", f"{work.__name__}: {type(cause).__name__}: {cause}"))
        return None

    def note(self, condition, code, text):
        if not condition:
            self.faults.append((code, text))

    # Reading

    def read(self, folder):
        about = json.loads((folder / "archive.json").read_text())
        demand(about["schema"] == "chancery.archive/1", "MALFORMED", f"{folder} is no archive")
        holder = about["ministry"]
        demand(holder not in self.messages, "MALFORMED", f"two archives of {holder}")
        self.messages[holder] = {}
        for path in sorted((folder / "trust").glob("*.bundle")):
            code = path.name.split(".")[0]
            self.attempt(self.ministries.setdefault(code, Ministry(code)).learn, path.read_bytes())
            self.counts["bundles"] += 1
        for log in about["logs"]:
            self.attempt(self.read_log, folder, holder, log)
        for name in ("sent", "received"):
            for line in (folder / "messages" / f"{name}.jsonl").open():
                self.attempt(self.read_message, holder, name == "sent", json.loads(line))

    def read_log(self, folder, holder, stated):
        origin, size = stated["origin"], stated["size"]
        domain, _, code, _ = origin.split("/")
        keeper = next((one.code for one in self.ministries.values() if one.domain == domain), None)
        demand(keeper, "MALFORMED", f"nobody of these archives keeps {origin}")
        log = Log(origin, keeper, code.upper(), holder)
        demand(stated["mirror"] == (keeper != holder), "MALFORMED", f"{log} is not what it is called")
        place = folder / ("mirrors" if stated["mirror"] else "logs") / origin
        for index in range((size + WIDTH - 1) // WIDTH):
            log.leaves += bundle((place / tile_path("entries", index, min(WIDTH, size - index * WIDTH))).read_bytes())
        self.note(len(log.leaves) == size, "ALTERED", f"{log} has {len(log.leaves)} entries, not {size}")
        log.tree = Tree(log.leaves)
        if log.about == ADMINISTRATION:
            self.counts["acts"] += len(log.leaves)
        else:
            self.logs[origin, holder] = log
            self.counts["mirrors" if stated["mirror"] else "logs"] += 1
            self.counts["entries"] += len(log.leaves)
        self.attempt(self.check_tiles, log, place)
        checkpoint = self.attempt(self.check_checkpoint, log, (place / "checkpoint").read_text())
        self.note(not checkpoint or checkpoint.size == size, "ALTERED", f"the checkpoint of {log} does not cover it")
        for line in (place / "cosigned.jsonl").open():
            cosigned = self.attempt(self.check_checkpoint, log, json.loads(line)["checkpoint"])
            if cosigned:
                missing = f"the checkpoint {cosigned.size} of {log} is not cosigned by {log.about}"
                self.note(log.about in cosigned.cosigned, "COSIGNATURE_MISSING", missing)
                log.cosigned = max(log.cosigned, cosigned.size if log.about in cosigned.cosigned else 0)
        for leaf in set(log.leaves):
            self.attempt(read_act if log.about == ADMINISTRATION else read_leaf, leaf)

    def check_tiles(self, log, place):
        expected = {}
        for level, nodes in enumerate(log.tree.levels[::8]):
            for index in range((len(nodes) + WIDTH - 1) // WIDTH):
                hashes_of_tile = nodes[index * WIDTH:(index + 1) * WIDTH]
                expected[tile_path(str(level), index, len(hashes_of_tile))] = b"".join(hashes_of_tile)
        for path, content in expected.items():
            same = (place / path).read_bytes() == content
            demand(same, "ALTERED", f"{path} of {log} does not follow from its leaves")
        self.counts["tiles"] += len(expected)

    def check_checkpoint(self, log, text):
        """A checkpoint of this log must be signed and say what the leaves say."""
        checkpoint = self.open_checkpoint(text)
        demand(checkpoint.origin == log.origin, "FORKED", f"a checkpoint of {log} is {checkpoint.origin}'s")
        held = checkpoint.size <= len(log.leaves)
        demand(held, "LOST", f"{log} has fewer entries than its checkpoint {checkpoint.size}")
        same = log.tree.root(checkpoint.size) == checkpoint.root
        demand(same, "ALTERED", f"the entries of {log} do not lead to its checkpoint {checkpoint.size}")
        self.counts["checkpoints"] += 1
        return checkpoint

    def open_checkpoint(self, text):
        """What a checkpoint says, after every signature of a known key was checked."""
        if text in self.opened:
            return self.opened[text]
        body, _, lines = text.rpartition("\n\n")
        body += "\n"
        origin, size, root = body[:-1].split("\n")
        domain, _, about, _ = origin.split("/")
        by, cosigned = set(), set()
        for line in lines.removesuffix("\n").split("\n"):
            dash, name, blob = line.split(" ")
            demand(dash == "\u2014", "MALFORMED", f"a checkpoint of {origin} has a line that is no signature")
            blob = base64.b64decode(blob, validate=True)
            for ministry in self.ministries.values():
                for kind, announced, key in ministry.keys:
                    # A log's key is announced once and signs under the origin of each log.
                    under = origin if kind == LOG and domain == ministry.domain else announced
                    if name == under and blob[:4] == sha256(under.encode(), b"\n", bytes([kind]), key)[:4]:
                        verify_note(kind, key, blob[4:], body, f"{name} under {origin} at {size}")
                        (by if kind == LOG else cosigned).add(ministry.code)
                        self.counts["signatures" if kind == LOG else "cosignatures"] += 1
        demand(any(self.ministries[code].domain == domain for code in by), "SIGNATURE_WRONG",
               f"no announced key of {domain} signed the checkpoint {size} of {origin}")
        self.opened[text] = Checkpoint(origin, int(size), base64.b64decode(root), cosigned)
        return self.opened[text]

    def read_message(self, holder, sent, line):
        header, signature = base64.b64decode(line["header"]), base64.b64decode(line["signature"])
        about, number = read_header(header), sha256(header)
        what = f"message {line['id']} at {holder}"
        demand(number.hex() == line["id"], "ALTERED", f"the header of {what} is another's")
        demand(number not in self.messages[holder], "DOUBLED", f"{what} is there twice")
        receipt = base64.b64decode(line.get("receipt", ""))
        self.messages[holder][number] = Message(about, header, signature, line["log"], line["index"], receipt)
        self.counts["sent" if sent else "received"] += 1
        demand((about.sender if sent else about.recipient) == holder, "MALFORMED", f"{what} concerns others")
        log = self.logs.get((line["log"], holder))
        demand(log and log.keeper == holder and line["index"] < len(log.leaves), "LOST", f"{what} has no log entry")
        leaf = read_leaf(log.leaves[line["index"]])
        envelope = sha256(field(1, header) + field(2, signature))
        demand(leaf[1:4] == (number, envelope, about.parts), "ALTERED", f"the log entry of {what} names something else")
        kinds = {SENT} if sent else {RECEIVED, REJECTED}
        demand(leaf.kind in kinds, "ALTERED", f"the log entry of {what} is of another kind")
        try:
            good = self.ministries[about.sender].is_registry(signer_of(signature, header))
        except (InvalidSignature, ValueError, KeyError, IndexError, StopIteration, TypeError):
            good = False
        demand(good, "SIGNATURE_WRONG", f"the header of {what} is not signed by the registry of {about.sender}")
        self.counts["headers"] += 1

    # Comparing

    def longest(self, keeper, about):
        """The logs that `keeper` keeps about `about`, by year, each as the archive that knows most of it has it."""
        found = {}
        for log in self.logs.values():
            if (log.keeper, log.about) == (keeper, about):
                other = found.setdefault(log.origin, log)
                found[log.origin] = max(log, other, key=lambda one: (len(one.leaves), one.holder == keeper))
        return [found[origin] for origin in sorted(found)]

    def compare(self):
        for (origin, holder), mirror in self.logs.items():
            own = self.logs.get((origin, mirror.keeper))
            if own and holder != mirror.keeper:
                self.attempt(self.compare_mirror, own, mirror)
        pairs = sorted({(log.keeper, log.about) for log in self.logs.values()})
        for keeper, about in pairs:
            self.attempt(self.follow, keeper, about)
        for holder, messages in self.messages.items():
            for number, message in messages.items():
                if message.receipt:
                    self.attempt(self.check_answer, holder, number, message)

    def compare_mirror(self, own, mirror):
        shared = min(len(own.leaves), len(mirror.leaves))
        for index in range(shared):
            same = own.leaves[index] == mirror.leaves[index]
            demand(same, "FORKED", f"entry {index} of {own} and of {mirror} differ")
        self.counts["mirrored"] += shared
        if self.drained:
            self.note(len(own.leaves) == len(mirror.leaves), "LOST", f"{mirror} is not as long as {own}")
            self.note(own.cosigned == len(own.leaves), "COSIGNATURE_MISSING",
                      f"{own} is cosigned up to {own.cosigned} of {len(own.leaves)} entries")

    def follow(self, sender, recipient):
        """Every message of one ministry to the other: sent once, answered once, in order."""
        sent = self.collect(sender, recipient, SENT)
        answered = self.collect(recipient, sender, RECEIVED, REJECTED)
        for kind in (EXPIRED, WITHDRAWN):
            for number in self.collect(sender, recipient, kind):
                self.note(number in sent, "PHANTOM", f"{number.hex()} ended at {sender} without being sent")
        self.check_order(f"{sender} sent to {recipient}", sent, sender, recipient)
        self.check_order(f"{recipient} took of {sender}", answered, recipient, sender)
        for number, leaf in answered.items():
            self.note(number in sent, "PHANTOM", f"{recipient} answered {number.hex()}, which {sender} never sent")
            same = number not in sent or leaf[1:4] == sent[number][1:4]
            self.note(same, "ALTERED", f"{sender} and {recipient} name {number.hex()} with other digests")
            self.counts["delivered" if leaf.kind == RECEIVED else "rejected"] += 1
        waiting = sent.keys() - answered.keys()
        self.counts["under_way"] += len(waiting)
        for number in sorted(waiting) if self.drained else ():
            self.note(False, "LOST", f"{sender} sent {number.hex()}, and {recipient} has no answer to it")
        if recipient in self.messages:
            taken = {number for number, leaf in answered.items() if leaf.kind == RECEIVED}
            self.received.setdefault(recipient, set()).update(taken)

    def collect(self, keeper, about, *kinds):
        """Leaves of these kinds by message, in the order of the logs."""
        found = {}
        for log in self.longest(keeper, about):
            for index, leaf in enumerate(map(read_leaf, log.leaves)):
                if leaf.kind in kinds:
                    self.note(leaf.id not in found, "DOUBLED", f"entry {index} of {log} has {leaf.id.hex()} once more")
                    found.setdefault(leaf.id, leaf)
        return found

    def check_order(self, what, leaves, keeper, other):
        """The numbers of each channel, in the order of the log that `keeper` keeps."""
        last = {}
        for number in leaves:
            kept = keeper not in self.messages or number in self.messages[keeper]
            self.note(kept, "LOST", f"{what}: {keeper} does not hold the header of {number.hex()}")
            held = [self.messages[at][number] for at in (keeper, other) if number in self.messages.get(at, ())]
            if not held:
                continue
            header = held[0].header
            sequence, before = last.get(header.channel, (0, b""))
            in_order = (header.sequence, header.previous) == (sequence + 1, before)
            self.note(in_order, "OUT_OF_ORDER", f"{what}: {number.hex()} has number {header.sequence} after {sequence}")
            last[header.channel] = (header.sequence, number)
        self.counts["sequences"] += len(last)

    def check_receipt(self, data, keeper, about, number, kinds):
        """A receipt must lead to a signed checkpoint of what is in the archive, and be about this message."""
        receipt = record(data, {1: "leaf", 2: "proof"})
        leaf, what = read_leaf(receipt["leaf"]), f"the receipt of {keeper} for {number.hex()}"
        demand(leaf.id == number and leaf.kind in kinds, "RECEIPT_FORGED", f"{what} is about something else")
        head, _, text = receipt["proof"].decode().partition("\n\n")
        lines = head.split("\n")
        demand(lines.pop(0) == "c2sp.org/tlog-proof@v1", "RECEIPT_FORGED", f"{what} has no proof")
        if lines[0].startswith("extra "):
            lines.pop(0)
        index, path = int(lines.pop(0).removeprefix("index ")), [base64.b64decode(line) for line in lines]
        checkpoint = self.open_checkpoint(text)
        domain, _, code, _ = checkpoint.origin.split("/")
        good = (domain, code.upper()) == (self.ministries[keeper].domain, about)
        demand(good, "RECEIPT_FORGED", f"{what} is from the log {checkpoint.origin}")
        good = root_of(receipt["leaf"], index, checkpoint.size, path) == checkpoint.root
        demand(good, "RECEIPT_FORGED", f"{what} does not lead to its checkpoint")
        for log in (one for one in self.longest(keeper, about) if one.origin == checkpoint.origin):
            held = checkpoint.size <= len(log.leaves)
            demand(held, "LOST", f"{what} proves {checkpoint.size} entries, more than {log}")
            good = log.tree.root(checkpoint.size) == checkpoint.root
            demand(good, "FORKED", f"{what} stands under another history than {log}")
            self.counts["receipts"] += 1
            return checkpoint
        raise Wrong("LOST", f"{what} is from {checkpoint.origin}, which no archive has")

    def check_answer(self, holder, number, message):
        recipient = message.header.recipient
        checkpoint = self.check_receipt(message.receipt, recipient, holder, number, {RECEIVED, REJECTED})
        missing = f"the receipt of {recipient} for {number.hex()} is not cosigned by {holder}"
        demand(holder in checkpoint.cosigned, "COSIGNATURE_MISSING", missing)

    # What desks were told

    def follow_history(self, path):
        desks = collections.defaultdict(list)
        for line in path.open():
            event = json.loads(line)
            code, number = event["ministry"], bytes.fromhex(event["id"])
            if event["event"] == "accepted":
                self.counts["accepted"] += 1
                self.attempt(self.check_accepted, code, number, base64.b64decode(event["receipt"]))
            elif event["event"] == "fetched":
                self.counts["fetched"] += 1
                desks[code, event["desk"]].append((event["cursor"], number))
        for (code, desk), fetched in desks.items():
            self.attempt(self.check_fetched, code, f"the desk {desk} of {code}", fetched)

    def check_accepted(self, code, number, receipt):
        held = self.messages[code].get(number)
        demand(held, "LOST", f"{code} gave a receipt for {number.hex()} and does not hold it")
        self.check_receipt(receipt, code, held.header.recipient, number, {SENT})

    def check_fetched(self, code, who, fetched):
        seen, last = set(), {}
        cursors = [cursor for cursor, _ in fetched]
        self.note(cursors == sorted(set(cursors)), "OUT_OF_ORDER", f"the cursors of {who} do not rise")
        for _, number in fetched:
            self.note(number not in seen, "DOUBLED", f"{who} fetched {number.hex()} twice")
            seen.add(number)
            if number not in self.received.get(code, ()) or number not in self.messages[code]:
                self.note(False, "PHANTOM", f"{who} fetched {number.hex()}, of which no log knows")
                continue
            header = self.messages[code][number].header
            before = last.get((header.sender, header.channel), 0)
            what = f"{who} fetched number {header.sequence} of {header.sender} after {before}"
            self.note(header.sequence == before + 1, "OUT_OF_ORDER", what)
            last[header.sender, header.channel] = header.sequence
        for number in sorted(self.received.get(code, set()) - seen) if self.drained else ():
            self.note(False, "LOST", f"{who} never fetched {number.hex()}")


def verify_note(kind, key, signature, body, what):
    message = body
    if kind == COSIGNER:
        time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        message = f"cosignature/v1\ntime {time}\n{body}"
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message.encode())
    except InvalidSignature:
        raise Wrong("SIGNATURE_WRONG", f"the signature of {what} is wrong") from None


def bundle(data):
    """The entries of a bundle, each behind its length in two bytes."""
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at:at + 2], "big")
        entries.append(data[at + 2:at + 2 + length])
        demand(len(data) >= at + 2 + length, "MALFORMED", "an entry bundle ends inside an entry")
        at += 2 + length
    return entries


def tile_path(kind, index, width):
    """The path of a tile (c2sp.org/tlog-tiles)."""
    elements = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        elements.insert(0, f"x{index % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{kind}/{'/'.join(elements)}{partial}"


def main():
    parser = argparse.ArgumentParser(description="see the first lines of this file", add_help=True)
    parser.add_argument("archive", nargs="+", type=pathlib.Path)
    parser.add_argument("--drained", action="store_true")
    parser.add_argument("--history", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--fingerprint", action="append", default=[], metavar="CODE=HEX")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    check = Check(options.drained)
    for folder in options.archive:
        check.attempt(check.read, folder)
    for text in options.fingerprint:
        code, _, wanted = text.partition("=")
        found = check.ministries[code].fingerprint if code in check.ministries else None
        same = found == wanted.replace(" ", "").lower()
        check.note(same, "ROOT_UNKNOWN", f"the root of {code} is {found}, not {wanted}")
    check.compare()
    for path in options.history:
        check.attempt(check.follow_history, path)
    check.note(check.counts["entries"], "MALFORMED", "there is nothing to check")
    tell(check, options)
    sys.exit(1 if check.faults else 0)


def tell(check, options):
    roots = {code: one.fingerprint for code, one in sorted(check.ministries.items())}
    if options.json:
        faults = [{"code": code, "detail": detail} for code, detail in check.faults]
        print(json.dumps({"schema": "chancery.archive-check/1", "good": not faults, "drained": options.drained,
                          "roots": roots, "checked": dict(sorted(check.counts.items())), "faults": faults}))
        return
    for code, fingerprint in roots.items():
        print(f"root of {code}: {fingerprint}")
    print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(check.counts.items())))
    for code, detail in check.faults[:100]:
        print(f"{code}: {detail}")
    if len(check.faults) > 100:
        print(f"and {len(check.faults) - 100} more")
    print("NOT GOOD" if check.faults else "GOOD")


if __name__ == "__main__":
    main()

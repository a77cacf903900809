//! The tables, and how they came to be. A migration that was released is never edited.

/// Columns that change stand in small tables of their own (`outgoing`, `pair`, `log`), so that a change
/// never rewrites a header or a part. `id_prefix` and its like are the first eight bytes of a digest.
pub(super) const FIRST: &str = "
-- One sequence: a direction, a channel and a peer, with the last number used.
CREATE TABLE pair (
    key INTEGER PRIMARY KEY,
    direction INTEGER NOT NULL,
    channel TEXT NOT NULL,
    peer TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    UNIQUE (direction, peer, channel)
) STRICT;

-- Our own logs and the mirrors of peers' logs. An empty checkpoint means none.
CREATE TABLE log (
    key INTEGER PRIMARY KEY,
    origin TEXT NOT NULL UNIQUE,
    peer TEXT NOT NULL,
    mirror INTEGER NOT NULL,
    size INTEGER NOT NULL,
    checkpoint_size INTEGER NOT NULL,
    checkpoint TEXT NOT NULL,
    cosigned_size INTEGER NOT NULL,
    cosigned TEXT NOT NULL
) STRICT;

-- Every checkpoint with a cosignature: the earliest that covers a leaf tells since when it is proven.
CREATE TABLE cosigned_checkpoint (
    log INTEGER NOT NULL REFERENCES log (key),
    size INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (log, size)
) STRICT, WITHOUT ROWID;

CREATE TABLE leaf (
    log INTEGER NOT NULL REFERENCES log (key),
    leaf_index INTEGER NOT NULL,
    message_prefix INTEGER NOT NULL,
    message_id BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (log, leaf_index)
) STRICT, WITHOUT ROWID;
CREATE INDEX leaf_by_message ON leaf (message_prefix) WHERE message_id <> x'';

-- Hashes of complete subtrees; level 0 is the leaves.
CREATE TABLE node (
    log INTEGER NOT NULL REFERENCES log (key),
    level INTEGER NOT NULL,
    node_index INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (log, level, node_index)
) STRICT, WITHOUT ROWID;

-- Every message in custody or rejected, never changed.
CREATE TABLE message (
    key INTEGER PRIMARY KEY,
    direction INTEGER NOT NULL,
    pair INTEGER NOT NULL REFERENCES pair (key),
    sequence INTEGER NOT NULL,
    id_prefix INTEGER NOT NULL,
    id BLOB NOT NULL,
    envelope_digest BLOB NOT NULL,
    custody_time INTEGER NOT NULL,
    log INTEGER NOT NULL REFERENCES log (key),
    leaf_index INTEGER NOT NULL,
    header BLOB NOT NULL,
    signature BLOB NOT NULL,
    UNIQUE (pair, sequence)
) STRICT;
CREATE INDEX message_by_id ON message (id_prefix);

-- Sealed parts by digest, shared by all messages that carry them; without content where only a file has it.
CREATE TABLE part (
    key INTEGER PRIMARY KEY,
    digest_prefix INTEGER NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    content BLOB
) STRICT;
CREATE INDEX part_by_digest ON part (digest_prefix);

CREATE TABLE message_part (
    message INTEGER NOT NULL REFERENCES message (key),
    position INTEGER NOT NULL,
    part INTEGER NOT NULL REFERENCES part (key),
    inline INTEGER NOT NULL,
    PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;

-- The state of sent messages. Unanswered: the peer has not yet said what became of it.
CREATE TABLE outgoing (
    message INTEGER PRIMARY KEY REFERENCES message (key),
    pair INTEGER NOT NULL REFERENCES pair (key),
    precedence INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    state INTEGER NOT NULL,
    unanswered INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    reason TEXT NOT NULL,
    expiry_log INTEGER REFERENCES log (key),
    expiry_index INTEGER,
    receipt BLOB
) STRICT;
CREATE INDEX outgoing_in_order ON outgoing (pair, message) WHERE unanswered = 1;
CREATE INDEX outgoing_urgent ON outgoing (pair, precedence, message) WHERE unanswered = 1;
CREATE INDEX outgoing_overdue ON outgoing (valid_until) WHERE state = 1;

CREATE TABLE peer (
    code TEXT PRIMARY KEY,
    last_receipt_time INTEGER NOT NULL,
    last_failure TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The cursor is dense, so that what waits is a subtraction; so is what waits of one peer, because each row
-- has the number and the bytes of all messages of its peer up to this one.
CREATE TABLE mailbox (
    cursor INTEGER PRIMARY KEY,
    message INTEGER NOT NULL UNIQUE REFERENCES message (key),
    peer TEXT NOT NULL,
    peer_count INTEGER NOT NULL,
    peer_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX mailbox_by_peer ON mailbox (peer, cursor);

-- Sealed parts that came, or are coming, before a message refers to them, by the ministry that sent them.
CREATE TABLE upload (
    digest BLOB PRIMARY KEY,
    source TEXT NOT NULL,
    size INTEGER NOT NULL,
    time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_source ON upload (source, size);

CREATE TABLE rejection (
    message INTEGER PRIMARY KEY REFERENCES message (key),
    reason TEXT NOT NULL
) STRICT;

-- The first other message that was offered for a used number: two signatures are the whole proof.
CREATE TABLE equivocation (
    held INTEGER PRIMARY KEY REFERENCES message (key),
    time INTEGER NOT NULL,
    header BLOB NOT NULL,
    signature BLOB NOT NULL
) STRICT;

CREATE TABLE alarm (
    key INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    ministry TEXT NOT NULL,
    detail TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (code, ministry, detail)
) STRICT;

CREATE TABLE record (
    kind INTEGER NOT NULL,
    ministry TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (kind, ministry, sequence)
) STRICT, WITHOUT ROWID;

-- Leaves about accredited records that the log of a pair lacks until signing for it is allowed.
CREATE TABLE owed_leaf (
    peer TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (peer, record)
) STRICT, WITHOUT ROWID;

-- Leaves of sent messages that came back from the peer's copy without the message: its desk has it.
CREATE TABLE orphan (
    message_id BLOB PRIMARY KEY,
    peer TEXT NOT NULL,
    log INTEGER NOT NULL REFERENCES log (key),
    leaf_index INTEGER NOT NULL,
    envelope_digest BLOB NOT NULL,
    custody_time INTEGER NOT NULL,
    end_log INTEGER REFERENCES log (key),
    end_index INTEGER,
    end_reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX orphan_by_peer ON orphan (peer);

-- Proofs that a log forked. While the key that signed both checkpoints is believed, the pair is frozen.
CREATE TABLE fork (
    origin TEXT NOT NULL,
    key BLOB NOT NULL,
    peer TEXT NOT NULL,
    own INTEGER NOT NULL,
    proof TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (origin, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('acknowledged', 0), ('epoch', 0);
";

/// The queue as operators see it: what they decided, how attempts ended, counts that nobody has to count, and
/// one row for each kind of alarm about a ministry.
pub(super) const QUEUE: &str = "
ALTER TABLE outgoing ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
-- Attempts that the peer has answered with nothing at all.
ALTER TABLE outgoing ADD COLUMN unreceipted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outgoing ADD COLUMN withdrawal_log INTEGER REFERENCES log (key);
ALTER TABLE outgoing ADD COLUMN withdrawal_index INTEGER;
CREATE INDEX outgoing_held ON outgoing (pair, message) WHERE held = 1;
CREATE INDEX outgoing_ended ON outgoing (state, pair, message) WHERE unanswered = 1 AND state >= 4;

-- Counted by triggers, so that no verb can forget it.
ALTER TABLE pair ADD COLUMN queued INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pair ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
UPDATE pair SET queued = (SELECT count(*) FROM outgoing WHERE outgoing.pair = pair.key AND unanswered = 1);
CREATE TRIGGER outgoing_came AFTER INSERT ON outgoing WHEN NEW.unanswered = 1 BEGIN
    UPDATE pair SET queued = queued + 1 WHERE key = NEW.pair;
END;
CREATE TRIGGER outgoing_answered AFTER UPDATE OF unanswered ON outgoing
WHEN NEW.unanswered <> OLD.unanswered BEGIN
    UPDATE pair SET queued = queued + NEW.unanswered - OLD.unanswered WHERE key = NEW.pair;
END;
CREATE TRIGGER outgoing_set_aside AFTER UPDATE OF held ON outgoing WHEN NEW.held <> OLD.held BEGIN
    UPDATE pair SET held = held + NEW.held - OLD.held WHERE key = NEW.pair;
END;

-- How attempts ended that brought no receipt: the first ones and the last ones of each message.
CREATE TABLE attempt (
    message INTEGER NOT NULL REFERENCES message (key),
    number INTEGER NOT NULL,
    time INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

-- What operators decided about a message; of the operator only the number of the user.
CREATE TABLE decision (
    message INTEGER NOT NULL REFERENCES message (key),
    number INTEGER NOT NULL,
    time INTEGER NOT NULL,
    operator INTEGER NOT NULL,
    what INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;

ALTER TABLE alarm RENAME TO former_alarm;
CREATE TABLE alarm (
    code TEXT NOT NULL,
    ministry TEXT NOT NULL,
    first_detail TEXT NOT NULL,
    detail TEXT NOT NULL,
    first_time INTEGER NOT NULL,
    time INTEGER NOT NULL,
    count INTEGER NOT NULL,
    acknowledged_time INTEGER,
    acknowledged_by INTEGER,
    cleared_time INTEGER,
    PRIMARY KEY (code, ministry)
) STRICT, WITHOUT ROWID;
INSERT INTO alarm (code, ministry, first_detail, detail, first_time, time, count)
SELECT code, ministry,
       (SELECT detail FROM former_alarm AS one WHERE (one.code, one.ministry) = (all_.code, all_.ministry)
        ORDER BY key LIMIT 1),
       (SELECT detail FROM former_alarm AS one WHERE (one.code, one.ministry) = (all_.code, all_.ministry)
        ORDER BY key DESC LIMIT 1),
       min(time), max(time), count(*)
FROM former_alarm AS all_ GROUP BY code, ministry;
DROP TABLE former_alarm;
";

/// What grew in random places grows at the end now: a leaf is found by the row of its message, and a part by its
/// digest only where something else than its message asks for it. An index by digest over everything would dirty a
/// page of its own for every row.
pub(super) const NEAR: &str = "
-- Leaves about messages that are held, beside those at which `message` and `outgoing` point themselves.
CREATE TABLE leaf_about (
    message INTEGER NOT NULL REFERENCES message (key),
    log INTEGER NOT NULL REFERENCES log (key),
    leaf_index INTEGER NOT NULL,
    PRIMARY KEY (message, log, leaf_index)
) STRICT, WITHOUT ROWID;
INSERT INTO leaf_about (message, log, leaf_index)
SELECT message.key, leaf.log, leaf.leaf_index
FROM message CROSS JOIN leaf INDEXED BY leaf_by_message
    ON leaf.message_prefix = message.id_prefix AND leaf.message_id = message.id AND leaf.message_id <> x''
LEFT JOIN outgoing ON outgoing.message = message.key
WHERE (leaf.log, leaf.leaf_index) IS NOT (message.log, message.leaf_index)
    AND (leaf.log, leaf.leaf_index) IS NOT (outgoing.expiry_log, outgoing.expiry_index)
    AND (leaf.log, leaf.leaf_index) IS NOT (outgoing.withdrawal_log, outgoing.withdrawal_index);

-- Loose: about a message that is not held, or not yet. Few, so that their index stays small.
ALTER TABLE leaf ADD COLUMN loose INTEGER NOT NULL DEFAULT 0;
UPDATE leaf SET loose = 1 WHERE message_id <> x'' AND NOT EXISTS
    (SELECT 1 FROM message WHERE id_prefix = leaf.message_prefix AND id = leaf.message_id);
DROP INDEX leaf_by_message;
CREATE INDEX loose_leaf ON leaf (message_prefix) WHERE loose = 1;

-- Beside: some message refers to the part without carrying it in its envelope.
ALTER TABLE part ADD COLUMN beside INTEGER NOT NULL DEFAULT 0;
UPDATE part SET beside = 1 WHERE key IN (SELECT part FROM message_part WHERE inline = 0);
DROP INDEX part_by_digest;
CREATE INDEX part_by_digest ON part (digest_prefix) WHERE beside = 1;
";

/// A part that two sides have announced counts against both, each as it has declared it.
pub(super) const SOURCES: &str = "
ALTER TABLE upload RENAME TO former_upload;
DROP INDEX upload_by_source;
CREATE TABLE upload (
    source TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (source, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_digest ON upload (digest);
INSERT INTO upload (source, digest, size, time) SELECT source, digest, size, time FROM former_upload;
DROP TABLE former_upload;
";

/// What peers announce by themselves, and what of it counts before anybody accredited it.
pub(super) const OFFERED: &str = "
-- The newest bundle that the gateway of a ministry has announced, and how many of it were taken on one day.
CREATE TABLE offered (
    ministry TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    time INTEGER NOT NULL,
    day INTEGER NOT NULL,
    taken INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Revocation lists in force beside those of accredited bundles: the newest of each issuer, by SHA-256 of its name.
CREATE TABLE revocation_list (
    ministry TEXT NOT NULL,
    issuer BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (ministry, issuer)
) STRICT, WITHOUT ROWID;

-- What kind of record is owed a leaf: 1 a bundle, 2 a revocation list.
ALTER TABLE owed_leaf ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;
";

/// Peers with whom an operator lets nothing be exchanged for a time.
pub(super) const PAUSES: &str = "
CREATE TABLE pause (
    peer TEXT PRIMARY KEY,
    time INTEGER NOT NULL,
    operator INTEGER NOT NULL,
    reason TEXT NOT NULL,
    force INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Courier sticks: the numbers of those that were packed, and what was taken.
pub(super) const PACKS: &str = "
CREATE TABLE pack (
    peer TEXT NOT NULL,
    direction INTEGER NOT NULL,
    number INTEGER NOT NULL,
    digest BLOB NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (peer, direction, number, digest)
) STRICT, WITHOUT ROWID;
";

/// Urgent messages that expired and were not delivered after all: while there is one, its alarm stands.
pub(super) const URGENT: &str = "
CREATE INDEX outgoing_urgent_expired ON outgoing (pair) WHERE state = 4 AND precedence >= 3;
";

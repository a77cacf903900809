//! Bounds of what is written and read: envelopes, records, notes, documents, forms, evidence.

use std::time::Duration;

/// Sealed parts that travel inside an envelope, bytes in sum: they share the store's transaction, and a
/// quarter of a MiB keeps that transaction short.
pub const INLINE_PARTS_BYTES_MAX: u64 = 256 * 1024;

/// A sequence or act number: what registers and stores keep as a signed 64-bit integer.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

/// A header, bytes: sixteen addressees and sixty-five parts fit with room to spare.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;

/// A detached CMS signature, bytes: a chain of three P-384 certificates and a time stamp fit.
pub const SIGNATURE_BYTES_MAX: usize = 64 * 1024;

/// An encoded envelope, bytes: header, signature, inline parts and framing.
pub const ENVELOPE_BYTES_MAX: usize = 384 * 1024;

/// A dispatch with its authentications before padding, bytes: its sealed form must stay inline.
pub const SIGNED_DISPATCH_BYTES_MAX: usize = 192 * 1024;

/// A text field of an act, bytes: longer texts are documents.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// A short text field (subject, title, label), bytes.
pub const SHORT_TEXT_BYTES_MAX: usize = 512;

/// Entries of one repeated field of an act.
pub const LIST_ENTRIES_MAX: usize = 256;

/// Entries of one ordered list of an act, each standing there once: persons of an exchange of a thousand for a
/// thousand.
pub const SET_ENTRIES_MAX: usize = 1024;

/// An address on the web, bytes: what browsers and servers of news media take.
pub const WEB_ADDRESS_BYTES_MAX: usize = 2048;

/// Addressees of a message.
pub const ADDRESSEES_MAX: usize = 16;

/// Documents of a message.
pub const DOCUMENTS_MAX: usize = 64;

/// One document, bytes, plain: a scanned file of a case with images.
pub const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// Signatures of offices on one dispatch.
pub const AUTHENTICATIONS_MAX: usize = 16;

/// A log leaf, bytes.
pub const LEAF_BYTES_MAX: usize = 1024;

/// A trust bundle or channel policy, bytes.
pub const SIGNED_RECORD_BYTES_MAX: usize = 1024 * 1024;

/// A trust bundle or channel policy with its signature, bytes: two tags and two lengths stand before them.
pub const SIGNED_FILE_BYTES_MAX: usize = SIGNED_RECORD_BYTES_MAX + SIGNATURE_BYTES_MAX + 16;

/// Entries of any list of a signed record, before it is decoded: more than every list may hold, and few enough
/// that no record takes much more memory than bytes.
pub const RECORD_ENTRIES_MAX: usize = 2048;

/// Authorities, keys or addresses of one kind in a trust bundle: a few overlap while they are rotated.
pub const BUNDLE_ENTRIES_MAX: usize = 16;

/// Revocation lists in a trust bundle: every authority's present list and the last one of those that ended.
pub const REVOCATION_LISTS_MAX: usize = 64;

/// A public key as text, bytes: post-quantum keys are near 2 KB.
pub const KEY_TEXT_BYTES_MAX: usize = 4096;

/// Channels in a channel policy.
pub const CHANNELS_MAX: usize = 1024;

/// Accredited peers in a channel policy: more than there are States.
pub const PEERS_MAX: usize = 256;

/// Reading keys one ministry announces.
pub const READING_KEYS_MAX: usize = 3;

/// Certificates whose chain the anchors of a ministry remember: its registry and its offices, with room to spare.
pub const CHAINS_REMEMBERED_MAX: usize = 64;

/// Recipients of one sealed part: every addressee's reading keys and our own.
pub const RECIPIENTS_MAX: usize = 64;

/// The header of an age file, bytes: `RECIPIENTS_MAX` hybrid stanzas of 1.6 KB and their framing.
pub const SEAL_HEADER_BYTES_MAX: usize = 128 * 1024;

/// Logarithm of the work a passphrase of a new key file costs: 256 MiB and about a second.
pub const WORK_FACTOR: u8 = 18;

/// Largest logarithm of work we do for a file with a passphrase: 1 GiB and some seconds.
pub const WORK_FACTOR_MAX: u8 = 20;

/// Smallest padded plaintext, bytes: short notes look alike.
pub const PADDED_BYTES_MIN: u64 = 16 * 1024;

/// One piece of a streamed part, bytes.
pub const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Validity of a message if its sender states none.
pub const VALIDITY_DEFAULT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Documents of one message, bytes in sum, plain.
pub const DOCUMENTS_BYTES_MAX: u64 = 4 * DOCUMENT_BYTES_MAX;

/// Bytes between two reports of how far a transfer has come.
pub const PROGRESS_STEP_BYTES: u64 = 1024 * 1024;

/// One sealed part, bytes: a padded document of `DOCUMENT_BYTES_MAX`, its chunk tags and its header.
pub const SEALED_PART_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// Name of a log or cosigner key, bytes: post-quantum cosignatures count its length in one byte.
pub const KEY_NAME_BYTES_MAX: usize = 255;

/// Signature lines of a checkpoint; the signed-note specification demands that sixteen are accepted.
pub const NOTE_SIGNATURES_MAX: usize = 16;

/// A signed note, bytes: sixteen post-quantum lines of 3.5 KB fit.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;

/// A proof of inclusion as text, bytes: its checkpoint, sixty-four hashes and a little extra data.
pub const LOG_PROOF_BYTES_MAX: usize = 80 * 1024;

/// A proof that a log forked, bytes: two notes and a consistency proof.
pub const FORK_PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX + 4 * 1024;

/// Proofs of forks that are shown at once: one of each kind for each of `PEERS_MAX` peers.
pub const FORKS_MAX: usize = 2 * PEERS_MAX;

/// Hashes of a proof of inclusion or consistency: one for each level of a tree whose size is a `u64`.
pub const PATH_HASHES_MAX: usize = 64;

/// Messages of one evidence file: a long consultation.
pub const EVIDENCE_MESSAGES_MAX: usize = 512;

/// Entries of one evidence file: what the zip format counts without further fields.
pub const EVIDENCE_ENTRIES_MAX: usize = 65_534;

/// Name of an entry of an evidence file, bytes: a reference and a document id fit.
pub const EVIDENCE_NAME_BYTES_MAX: usize = 160;

/// README of an evidence file, bytes, where it is shown by itself: some lines for each part of each message.
pub const EVIDENCE_README_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Trust bundles of one evidence file: some for each of the ministries of a consultation.
pub const EVIDENCE_BUNDLES_MAX: usize = 64;

/// A form, bytes: long texts and lists fit; larger texts stand in files beside it.
pub const FORM_BYTES_MAX: u64 = 1024 * 1024;

/// Documents that a draft in clearance carries in itself, bytes in sum: texts and some scans; larger ones stay files.
pub const DRAFT_CARRIED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file of a draft in clearance, bytes: what it carries in base64, the dispatch, and sixteen signatures.
pub const DRAFT_FILE_BYTES_MAX: u64 = 2 * DRAFT_CARRIED_BYTES_MAX;

/// Later acts of a consultation that are opened to tell whether a draft still rests on what is known; with more it is
/// composed anew in any case.
pub const DRAFT_LATER_ACTS_MAX: usize = 256;

/// A text whose words the rules read and the command line shows, bytes.
pub const JUDGED_TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// Trust bundles and the folder that holds them, entries read by `verify`.
pub const TRUST_FILES_MAX: usize = 1024;

/// A chain of certificates in a file, bytes.
pub const CHAIN_BYTES_MAX: usize = 64 * 1024;

/// A receipt, bytes: a leaf, a proof and their framing.
pub const RECEIPT_BYTES_MAX: usize = LEAF_BYTES_MAX + LOG_PROOF_BYTES_MAX + 64;

/// Messages each way that are opened together for the casebook: some hundred milliseconds of work in one commit.
pub const CASEBOOK_BATCH_MESSAGES_MAX: usize = 256;

/// Messages in one sealed volume of the casebook: near 3 MB, which are written again when more are added.
pub const CASEBOOK_VOLUME_RECORDS_MAX: u64 = 1024;

/// Acts of one ministry that wait in one consultation for what they rest on: far more than a link that was down for
/// days leaves behind, and near 20 MB. Later ones are taken when there is room; protective acts never wait.
pub const CASEBOOK_WAITING_ACTS_MAX: usize = 4096;

/// Act numbers in a row under which nothing came and that are passed over: one number for each message that was given
/// up. A greater gap is no accident: it is not counted through, and what lies behind it waits.
pub const CASEBOOK_GAP_ACTS_MAX: u64 = 4096;

/// Act numbers of one ministry that are passed over in one consultation, all gaps together: sixteen of the greatest.
/// Beyond that no gap of it is passed over, and what lies behind one waits until it says what is missing.
pub const CASEBOOK_PASSED_OVER_ACTS_MAX: u64 = 65_536;

/// Acts of consultations that one process remembers: near 200 MB with what they hold.
pub const CASEBOOK_REMEMBERED_ACTS_MAX: usize = 50_000;

/// The revocation list of the own desk-access authority as a file, bytes: some thousand desks in base64.
pub const DESK_LIST_BYTES_MAX: usize = 1024 * 1024;

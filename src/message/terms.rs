//! The closed vocabularies of headers and dispatches, with the words of `proto/chancery/message/v1`.

use crate::vocabulary;

vocabulary! {
    /// The part of a message that gateways read: header, signature and sealed parts.
//
// Frozen format. Header, Address, Position and Parts are signed: their exact bytes are kept and never
// re-encoded. A record evolves by a new format version, never by a field added here.
syntax = "proto3";

package chancery.message.v1;

// One copy of a message for one addressee, as it travels between desk and gateway and between gateways.
message Envelope {
  // Required. Exact bytes of a Header. Their SHA-256 is the message id.
  bytes header = 1;
  // Required. Detached CMS SignedData (DER, CAdES-B-B) over the exact header bytes, by the sending
  // ministry's registry key.
  bytes signature = 2;
  // One entry for each entry of Parts.parts, in the same order: the sealed part, or empty where the part
  // travels beside the envelope because it does not fit within the inline bound.
  repeated bytes parts = 3;
}

// What both gateways and both archives can read, and what the registry signs.
message Header {
  // Required. "chancery/header/v1".
  string context = 1;
  // Required. Exact bytes of an Address. Their SHA-256 stands in the sealed dispatch.
  bytes address = 2;
  // Required. Exact bytes of a Position.
  bytes position = 3;
  // Required. Exact bytes of a Parts.
  bytes parts = 4;
}

// Who speaks to whom, where and how urgently: the same in every copy of a message.
message Address {
  // Required. "chancery/address/v1".
  string context = 1;
  // Required. The channel (a charter between ministries), "ch-" and 16 hexadecimal digits.
  string channel = 2;
  // Required. The consultation, "C-XXXX-XXXX-XXXX": random, never a word of its subject.
  string consultation = 3;
  // Required. Code of the sending ministry.
  string sender = 4;
  // Required, 1 to 16, each ministry once, in ascending order of code.
  repeated Addressee addressees = 5;
  // Required.
  Precedence precedence = 6;
  // Required. Must equal the level of the sealed marking (CLS-03).
  Level level = 7;
  // Required. Codes of the ministries it may be released to, ascending; the addressees are among them (CLS-02).
  repeated string releasable_to = 8;
}

// One ministry a message is addressed to.
message Addressee {
  // Required. Code of the ministry.
  string ministry = 1;
  // Required.
  AddresseeKind kind = 2;
}

// Where this copy stands in the sequence between two ministries, and when it was released.
message Position {
  // Required. "chancery/position/v1".
  string context = 1;
  // Required. Code of the ministry this copy is for; one of the addressees.
  string recipient = 2;
  // Required. Gapless from 1 per channel, sender and recipient (CHN-04).
  uint64 sequence = 3;
  // Required except for sequence 1, where it is empty. Id of the message before it in the same sequence.
  bytes previous_message_id = 4;
  // Gapless from 1 per consultation and sender over acts addressed to all its Powers; 0 for other acts.
  uint64 act_number = 5;
  // Required. Release, in Unix seconds, a whole minute.
  int64 release_time = 6;
  // Required. The gateway no longer delivers it after this, in Unix seconds.
  int64 valid_until_time = 7;
}

// The sealed parts of a message, in order; the first is the dispatch, each further one a document.
message Parts {
  // Required. "chancery/parts/v1".
  string context = 1;
  // Required, 1 to 65.
  repeated Part parts = 2;
}

// One sealed part: an age v1 file.
message Part {
  // Required. SHA-256 of the age file.
  bytes digest = 1;
  // Required. Length of the age file in bytes.
  uint64 size = 2;
}

// Whether an addressee must act or is informed.
enum AddresseeKind {
  // Refused.
  ADDRESSEE_KIND_UNSPECIFIED = 0;
  // Must act or answer.
  ADDRESSEE_KIND_ACTION = 1;
  // Receives a copy: observer, Protecting Power.
  ADDRESSEE_KIND_INFO = 2;
}

// Urgency, with the names of ACP 121.
enum Precedence {
  // Refused.
  PRECEDENCE_UNSPECIFIED = 0;
  // Next working day.
  PRECEDENCE_ROUTINE = 1;
  // Within six hours.
  PRECEDENCE_PRIORITY = 2;
  // Within two hours.
  PRECEDENCE_IMMEDIATE = 3;
  // At once; protective acts only (PRE-01).
  PRECEDENCE_FLASH = 4;
}

// Normalised level of protection; each ministry's own word stands in the sealed marking.
enum Level {
  // Refused.
  LEVEL_UNSPECIFIED = 0;
  // Unclassified.
  LEVEL_UNCLASSIFIED = 1;
  // Restricted.
  LEVEL_RESTRICTED = 2;
  // Confidential.
  LEVEL_CONFIDENTIAL = 3;
  // Secret.
  LEVEL_SECRET = 4;
  // Top secret.
  LEVEL_TOP_SECRET = 5;
}
// The part of a message that only desks read: the dispatch and its authentications, inside the seal.
//
// Frozen format. A Dispatch is signed: its exact bytes are kept and never re-encoded. New acts are new
// kinds, never new fields.
syntax = "proto3";

package chancery.message.v1;

import "chancery/message/v1/envelope.proto";

// Content of the first sealed part: a dispatch and the signatures of the offices that issue it.
message SignedDispatch {
  // Required. Exact bytes of a Dispatch.
  bytes dispatch = 1;
  // Required. One detached CMS SignedData (DER) over the dispatch bytes for each entry of
  // Dispatch.authentications, in that order.
  repeated bytes authentications = 2;
}

// The signed inner record that carries one act.
message Dispatch {
  // Required. "chancery/dispatch/v1".
  string context = 1;
  // Required. SHA-256 of the address bytes of the header: binds sender, addressees and consultation.
  bytes address_digest = 2;
  // Required. 32 random bytes: no digest over this record confirms a guess of its content.
  bytes salt = 3;
  // Required. Diplomatic form; decides which authentications are needed (FRM-01).
  Form form = 4;
  // Required for notes, otherwise empty. Register number of the issuing ministry, "XA-2026-0147" (FRM-03).
  string formal_number = 5;
  // Required.
  Marking marking = 6;
  // Per Power of the consultation the last act number this act rests on, ascending by ministry.
  repeated Basis basis = 7;
  // Texts and annexes; entry n is sealed part n + 1.
  repeated Document documents = 8;
  // Required. The signatures this dispatch must bear, in the order in which they stand beside it.
  repeated ExpectedAuthentication authentications = 9;
  // Required. Kind of the act, kebab-case: "position-statement".
  string kind = 10;
  // Required. Class of the act; decides what a receiver may do with a kind that it does not know.
  ActClass act_class = 11;
  // Required. Exact bytes of the act's own record.
  bytes act = 12;
  // Id of the message this one answers; empty where it answers none.
  bytes in_reply_to = 13;
  // Reply asked for by this time, in Unix seconds; 0 where none is asked for.
  int64 reply_due_time = 14;
  // Code of an unconnected Power whose act an intermediary conveys; hearsay of that Power. Usually empty.
  string relayed_on_behalf_of = 15;
  // Symbol of the drafting office; never a person's name. May be empty.
  string drafting_office = 16;
}

// How the content is to be protected, in the sender's own terms.
message Marking {
  // Required. Must equal the level in the address (CLS-03).
  Level level = 1;
  // Required above UNCLASSIFIED. The sender's own word for the level.
  string national_label = 2;
  // Handling caveats, ascending, each once.
  repeated Caveat caveats = 3;
  // Roles inside the receiving ministry that may read it; empty means by its own rules.
  repeated string eyes_only_roles = 4;
}

// The past of one Power that an act rests on.
message Basis {
  // Required. Code of the ministry.
  string ministry = 1;
  // Required. Its last act number known when this act was released; 0 for none.
  uint64 act_number = 2;
}

// One text or annex, sealed as a part of its own.
message Document {
  // Required. Unique in the dispatch: letters, digits, hyphen, 1 to 32.
  string document_id = 1;
  // Required. Neutral title, without the name of a person (PRV-03).
  string title = 2;
  // Required.
  DocumentStanding standing = 3;
  // Required.
  DocumentClass document_class = 4;
  // Required. BCP 47 tag.
  string language = 5;
  // Required. One of application/pdf, text/plain, text/markdown, image/jpeg, image/png, application/octet-stream.
  string media_type = 6;
  // Required. Length of the plain document in bytes.
  uint64 size = 7;
  // Required. SHA-256 of the plain document.
  bytes digest = 8;
  // document_id of the text this one translates; empty for originals.
  string translation_of = 9;
}

// A signature that a dispatch must bear.
message ExpectedAuthentication {
  // Required.
  AuthenticationKind kind = 1;
  // Required. Name of the office whose certificate must verify it, "chancery://XA/office/releasing-01".
  string credential = 2;
}

// Diplomatic form of a document.
enum Form {
  // Refused.
  FORM_UNSPECIFIED = 0;
  // Third person, initialled and sealed.
  FORM_NOTE_VERBALE = 1;
  // First person, signed and sealed.
  FORM_FIRST_PERSON_NOTE = 2;
  // Left after a conversation; sealed.
  FORM_AIDE_MEMOIRE = 3;
  // Facts and argument; sealed.
  FORM_MEMORANDUM = 4;
  // Without attribution on paper; sealed here all the same, and therefore not deniable.
  FORM_NON_PAPER = 5;
  // Record of an oral demarche; sealed.
  FORM_DEMARCHE_RECORD = 6;
  // Receipts, registry acts and protective notices.
  FORM_SERVICE_MESSAGE = 7;
}

// Handling caveats.
enum Caveat {
  // Refused.
  CAVEAT_UNSPECIFIED = 0;
  // No onward disclosure without the originator's consent (CLS-04).
  CAVEAT_ORIGINATOR_CONTROL = 1;
  // Identifies a prisoner (GC III Art. 13).
  CAVEAT_PERSONAL_GC3_13 = 2;
  // Medical content.
  CAVEAT_MEDICAL = 3;
  // Not for interrogation, intelligence, propaganda or prosecution.
  CAVEAT_HUMANITARIAN_PURPOSE_ONLY = 4;
  // An observer's confidential communication: no export, no use in proceedings (OBS-03).
  CAVEAT_OBSERVER_CONFIDENTIAL = 5;
}

// What a receiver may do with an act.
enum ActClass {
  // Refused.
  ACT_CLASS_UNSPECIFIED = 0;
  // Always registered; only ever stops something.
  ACT_CLASS_PROTECTIVE = 1;
  // Never refused on substance.
  ACT_CLASS_FACTUAL = 2;
  // Guarded by the rules; refused by a RuleRejection.
  ACT_CLASS_NORMATIVE = 3;
  // Checked for form only.
  ACT_CLASS_CORRESPONDENCE = 4;
}

// Legal standing of a text.
enum DocumentStanding {
  // Refused.
  DOCUMENT_STANDING_UNSPECIFIED = 0;
  // The note itself; exactly one (LNG-01).
  DOCUMENT_STANDING_OFFICIAL = 1;
  // One of several equally authentic texts.
  DOCUMENT_STANDING_AUTHENTIC = 2;
  // Without legal effect.
  DOCUMENT_STANDING_COURTESY_TRANSLATION = 3;
  // Certified by a sworn translator.
  DOCUMENT_STANDING_CERTIFIED_TRANSLATION = 4;
  // Annex.
  DOCUMENT_STANDING_ANNEX = 5;
}

// What a document is.
enum DocumentClass {
  // Refused.
  DOCUMENT_CLASS_UNSPECIFIED = 0;
  // A diplomatic text.
  DOCUMENT_CLASS_DIPLOMATIC_TEXT = 1;
  // Identity card (GC III Art. 17, Annex IV A).
  DOCUMENT_CLASS_IDENTITY_CARD = 2;
  // Capture card (GC III Art. 70, Annex IV B).
  DOCUMENT_CLASS_CAPTURE_CARD = 3;
  // Photograph for identification; the only class that may show a face (PUB-01).
  DOCUMENT_CLASS_ID_PHOTO = 4;
  // The person's own words in his own language.
  DOCUMENT_CLASS_WILL_STATEMENT = 5;
  // Certificate of the interpreter.
  DOCUMENT_CLASS_INTERPRETER_CERTIFICATE = 6;
  // Medical certificate.
  DOCUMENT_CLASS_MEDICAL_CERTIFICATE = 7;
  // Repatriation certificate (GC III Annex IV E).
  DOCUMENT_CLASS_REPATRIATION_CERTIFICATE = 8;
  // Travel document.
  DOCUMENT_CLASS_TRAVEL_DOCUMENT = 9;
  // Application for protection.
  DOCUMENT_CLASS_PROTECTION_APPLICATION = 10;
  // Decision of a court.
  DOCUMENT_CLASS_COURT_DECISION = 11;
  // Account statement (GC III Art. 66).
  DOCUMENT_CLASS_ACCOUNT_STATEMENT = 12;
  // Inventory of effects (GC III Arts 18, 119).
  DOCUMENT_CLASS_EFFECTS_INVENTORY = 13;
  // Death certificate (GC III Art. 120, Annex IV D).
  DOCUMENT_CLASS_DEATH_CERTIFICATE = 14;
  // Legal basis.
  DOCUMENT_CLASS_LEGAL_BASIS = 15;
  // Text of an agreement.
  DOCUMENT_CLASS_AGREEMENT_TEXT = 16;
  // Supporting evidence.
  DOCUMENT_CLASS_EVIDENCE = 17;
}

// What a signature on a dispatch stands for.
    pub enum AuthenticationKind {
        /// Initials of the releasing officer; needs authority RELEASE.
        Initials = 1 "INITIALS",
        /// The ministry's seal; needs authority SEAL.
        Seal = 2 "SEAL",
        /// Signature of a plenipotentiary; needs authority CONCLUDE.
        Signature = 3 "SIGNATURE",
        /// A neutral witness; needs authority WITNESS.
        Witness = 4 "WITNESS",
        /// Single release of a protective act; needs authority RELEASE_PROTECTIVE.
        DutyOfficer = 5 "DUTY_OFFICER",
        /// A registry act; needs authority REGISTER.
        Registry = 6 "REGISTRY",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::message::v1 as wire;

    /// Every term must bear the name and number of the proto file, and the proto file no more terms than we.
    macro_rules! agrees {
        ($name:ident, $prefix:literal) => {
            for number in 0..64 {
                let ours = $name::from_number(number).map(|term| format!("{}{}", $prefix, term.word()));
                let theirs = wire::$name::try_from(number).ok().map(|term| term.as_str_name().to_owned());
                let theirs = theirs.filter(|_| number != 0);
                assert_eq!(ours, theirs);
            }
        };
    }

    #[test]
    fn the_terms_are_those_of_the_proto_files() {

        agrees!(AddresseeKind, "ADDRESSEE_KIND_");
        agrees!(Precedence, "PRECEDENCE_");
        agrees!(Level, "LEVEL_");
        agrees!(Form, "FORM_");
        agrees!(Caveat, "CAVEAT_");
        agrees!(ActClass, "ACT_CLASS_");
        agrees!(DocumentStanding, "DOCUMENT_STANDING_");
        agrees!(DocumentClass, "DOCUMENT_CLASS_");
        agrees!(AuthenticationKind, "AUTHENTICATION_KIND_");
    }

    #[test]
    fn words_lead_back_to_their_terms() {
        assert_eq!(Level::from_word("RESTRICTED"), Some(Level::Restricted));
        assert_eq!(Level::from_word("restricted"), None);
        assert!(Level::Restricted < Level::Confidential);
    }
}

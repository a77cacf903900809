//! The footing of a channel: its charter, and who may speak on it (VCDR Art. 27, VCLT Arts 7, 13, GC III Art. 6).

use crate::consultation::acts::belongs;
use crate::consultation::acts::values::{ChannelCode, Count, LanguageCode, OfficeName, Span};
use crate::consultation::codec::containers::Terms;
use crate::consultation::codec::record::{checked, record};
use crate::consultation::fault::{Fault, Faults, Reason};
use crate::consultation::list::{List, Set};
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::{CredentialAction, CredentialAuthority, ProtectionLevel};
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

checked! {
    /// Proposes the charter of a channel, or concludes it by repeating its terms.
    ChannelCharterNote = ChannelCharterNoteFields {
        terms: Terms<ChannelTerms>,
        is_reply: bool,
        proposal_terms_sha256: Option<Digest>,
        fingerprint_confirmation: Option<ShortText>,
    } by says_what_a_reply_says
}

fn says_what_a_reply_says(act: &ChannelCharterNoteFields, faults: &mut Faults) {
    let message = "it belongs to a reply";
    let (proposed, confirmed) = (&act.proposal_terms_sha256, &act.fingerprint_confirmation);
    belongs("proposal_terms_sha256", proposed.is_some(), act.is_reply, message, faults);
    belongs("fingerprint_confirmation", confirmed.is_some(), act.is_reply, message, faults);
}

checked! {
    /// What the parties of a channel agree on.
    ChannelTerms = ChannelTermsFields {
        channel: ChannelCode,
        parties: Set<Ministry, 2>,
        ceiling: ProtectionLevel,
        national_labels: List<NationalLabel, 0>,
        working_languages: List<LanguageCode, 1>,
        prevailing_language: LanguageCode,
        will_policy: WillPolicy,
        go_no_go_window: Span,
        default_reply_time: Option<Span>,
        root_key_fingerprints: Set<Digest, 2>,
        erasure_after_closure: Span,
        dispute_clause: Option<Text>,
    } by fit_the_parties
}

fn fit_the_parties(terms: &ChannelTermsFields, faults: &mut Faults) {
    if terms.root_key_fingerprints.len() != terms.parties.len() {
        let message = "one fingerprint is expected for each party";
        faults.add_at("root_key_fingerprints", Fault::new(Reason::FieldConflict, message));
    }
    if !terms.working_languages.iter().any(|language| *language == terms.prevailing_language) {
        let message = "the prevailing language is none of the working languages";
        faults.add_at("prevailing_language", Fault::new(Reason::FieldConflict, message));
    }
}

record! {
    /// A party's own word for a level.
    pub struct NationalLabel {
        ministry: Ministry,
        level: ProtectionLevel,
        label: ShortText,
    }
}

checked! {
    /// What the parties demand of an expression of will; never less than one neutral witness.
    WillPolicy = WillPolicyFields {
        validity: Span,
        reconfirm_before_handover: Span,
        cooling_off: Span,
        min_witnesses: Count,
        min_neutral_witnesses: Count,
    } by counts_the_neutral_ones_too
}

fn counts_the_neutral_ones_too(policy: &WillPolicyFields, faults: &mut Faults) {
    if policy.min_neutral_witnesses > policy.min_witnesses {
        let message = "more neutral witnesses than witnesses";
        faults.add_at("min_neutral_witnesses", Fault::new(Reason::FieldConflict, message));
    }
}

checked! {
    /// Tells the other Power what an office may do.
    CredentialNotice = CredentialNoticeFields {
        credential: OfficeName,
        office_title: ShortText,
        authorities: Set<CredentialAuthority, 1>,
        max_level: Option<ProtectionLevel>,
        public_key_sha256: Digest,
        valid_from_time: Timestamp,
        valid_until_time: Timestamp,
        action: CredentialAction,
        reason: Option<Text>,
    } by ends_after_it_begins
}

fn ends_after_it_begins(act: &CredentialNoticeFields, faults: &mut Faults) {
    if act.valid_until_time <= act.valid_from_time {
        faults.add_at("valid_until_time", Fault::new(Reason::FieldConflict, "it ends before it begins"));
    }
}

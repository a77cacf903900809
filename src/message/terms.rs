//! The closed vocabularies of headers and dispatches, with the words of `proto/chancery/message/v1`.

use crate::trust::name::Authority;
use crate::vocabulary;

vocabulary! {
    /// Whether an addressee must act or is informed.
    pub enum AddresseeKind {
        /// Must act or answer.
        Action = 1 "ACTION",
        /// Receives a copy: observer, Protecting Power.
        Info = 2 "INFO",
    }
}

vocabulary! {
    /// Urgency, with the names of ACP 121.
    pub enum Precedence {
        /// Next working day.
        Routine = 1 "ROUTINE",
        /// Within six hours.
        Priority = 2 "PRIORITY",
        /// Within two hours.
        Immediate = 3 "IMMEDIATE",
        /// At once; protective acts only (PRE-01).
        Flash = 4 "FLASH",
    }
}

vocabulary! {
    /// Normalised level of protection; each ministry's own word stands in the sealed marking.
    pub enum Level {
        /// Unclassified.
        Unclassified = 1 "UNCLASSIFIED",
        /// Restricted.
        Restricted = 2 "RESTRICTED",
        /// Confidential.
        Confidential = 3 "CONFIDENTIAL",
        /// Secret.
        Secret = 4 "SECRET",
        /// Top secret.
        TopSecret = 5 "TOP_SECRET",
    }
}

vocabulary! {
    /// Diplomatic form of a document.
    pub enum Form {
        /// Third person, initialled and sealed.
        NoteVerbale = 1 "NOTE_VERBALE",
        /// First person, signed and sealed.
        FirstPersonNote = 2 "FIRST_PERSON_NOTE",
        /// Left after a conversation; sealed.
        AideMemoire = 3 "AIDE_MEMOIRE",
        /// Facts and argument; sealed.
        Memorandum = 4 "MEMORANDUM",
        /// Without attribution on paper; sealed here all the same, and therefore not deniable.
        NonPaper = 5 "NON_PAPER",
        /// Record of an oral demarche; sealed.
        DemarcheRecord = 6 "DEMARCHE_RECORD",
        /// Receipts, registry acts and protective notices.
        ServiceMessage = 7 "SERVICE_MESSAGE",
    }
}

vocabulary! {
    /// Handling caveats.
    pub enum Caveat {
        /// No onward disclosure without the originator's consent (CLS-04).
        OriginatorControl = 1 "ORIGINATOR_CONTROL",
        /// Identifies a prisoner (GC III Art. 13).
        PersonalGc313 = 2 "PERSONAL_GC3_13",
        /// Medical content.
        Medical = 3 "MEDICAL",
        /// Not for interrogation, intelligence, propaganda or prosecution.
        HumanitarianPurposeOnly = 4 "HUMANITARIAN_PURPOSE_ONLY",
        /// An observer's confidential communication: no export, no use in proceedings (OBS-03).
        ObserverConfidential = 5 "OBSERVER_CONFIDENTIAL",
    }
}

vocabulary! {
    /// What a receiver may do with an act.
    pub enum ActClass {
        /// Always registered; only ever stops something.
        Protective = 1 "PROTECTIVE",
        /// Never refused on substance.
        Factual = 2 "FACTUAL",
        /// Guarded by the rules; refused by a RuleRejection.
        Normative = 3 "NORMATIVE",
        /// Checked for form only.
        Correspondence = 4 "CORRESPONDENCE",
    }
}

vocabulary! {
    /// Legal standing of a text.
    pub enum DocumentStanding {
        /// The note itself; exactly one (LNG-01).
        Official = 1 "OFFICIAL",
        /// One of several equally authentic texts.
        Authentic = 2 "AUTHENTIC",
        /// Without legal effect.
        CourtesyTranslation = 3 "COURTESY_TRANSLATION",
        /// Certified by a sworn translator.
        CertifiedTranslation = 4 "CERTIFIED_TRANSLATION",
        /// Annex.
        Annex = 5 "ANNEX",
    }
}

vocabulary! {
    /// What a document is.
    pub enum DocumentClass {
        /// A diplomatic text.
        DiplomaticText = 1 "DIPLOMATIC_TEXT",
        /// Identity card (GC III Art. 17, Annex IV A).
        IdentityCard = 2 "IDENTITY_CARD",
        /// Capture card (GC III Art. 70, Annex IV B).
        CaptureCard = 3 "CAPTURE_CARD",
        /// Photograph for identification; the only class that may show a face (PUB-01).
        IdPhoto = 4 "ID_PHOTO",
        /// The person's own words in his own language.
        WillStatement = 5 "WILL_STATEMENT",
        /// Certificate of the interpreter.
        InterpreterCertificate = 6 "INTERPRETER_CERTIFICATE",
        /// Medical certificate.
        MedicalCertificate = 7 "MEDICAL_CERTIFICATE",
        /// Repatriation certificate (GC III Annex IV E).
        RepatriationCertificate = 8 "REPATRIATION_CERTIFICATE",
        /// Travel document.
        TravelDocument = 9 "TRAVEL_DOCUMENT",
        /// Application for protection.
        ProtectionApplication = 10 "PROTECTION_APPLICATION",
        /// Decision of a court.
        CourtDecision = 11 "COURT_DECISION",
        /// Account statement (GC III Art. 66).
        AccountStatement = 12 "ACCOUNT_STATEMENT",
        /// Inventory of effects (GC III Arts 18, 119).
        EffectsInventory = 13 "EFFECTS_INVENTORY",
        /// Death certificate (GC III Art. 120, Annex IV D).
        DeathCertificate = 14 "DEATH_CERTIFICATE",
        /// Legal basis.
        LegalBasis = 15 "LEGAL_BASIS",
        /// Text of an agreement.
        AgreementText = 16 "AGREEMENT_TEXT",
        /// Supporting evidence.
        Evidence = 17 "EVIDENCE",
    }
}

vocabulary! {
    /// What a signature on a dispatch stands for.
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
        /// The drafting office, which answers for the words and never releases them; needs authority DRAFT.
        Draft = 7 "DRAFT",
        /// Clearance by an office concerned; needs authority CLEAR.
        Clearance = 8 "CLEARANCE",
        /// Clearance by the legal office; needs authority CLEAR_LEGAL.
        LegalClearance = 9 "LEGAL_CLEARANCE",
    }
}

impl AuthenticationKind {
    /// The authority that the certificate of whoever gives this signature must hold.
    pub const fn authority(self) -> Authority {
        match self {
            Self::Initials => Authority::Release,
            Self::Seal => Authority::Seal,
            Self::Signature => Authority::Conclude,
            Self::Witness => Authority::Witness,
            Self::DutyOfficer => Authority::ReleaseProtective,
            Self::Registry => Authority::Register,
            Self::Draft => Authority::Draft,
            Self::Clearance => Authority::Clear,
            Self::LegalClearance => Authority::ClearLegal,
        }
    }

    /// Whether it releases: sends the words out in the name of the ministry, rather than prepares or records them.
    pub const fn releases(self) -> bool {
        match self {
            Self::Initials | Self::Seal | Self::Signature | Self::DutyOfficer => true,
            Self::Witness | Self::Registry | Self::Draft | Self::Clearance | Self::LegalClearance => false,
        }
    }

    /// Whether it clears what others release.
    pub const fn clears(self) -> bool {
        matches!(self, Self::Clearance | Self::LegalClearance)
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

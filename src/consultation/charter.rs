//! `Charter`: the parameters by which rules judge, as the parties of a channel agreed on them.
//!
//! Terms of a channel enter, numbers leave. What the parties did not settle has a value here with its reason. No
//! charter can do without a neutral witness.

use std::time::Duration;

use crate::consultation::acts::channel::{self, ChannelTerms};
use crate::consultation::acts::values::LanguageCode;
use crate::consultation::opaque;
use crate::message::terms::{Level, Precedence};
use crate::trust::name::Ministry;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest time for which any charter lets a statement of will count: twice that of the NNRC.
pub const WILL_VALIDITY_MAX: Duration = Duration::from_secs(180 * DAY);

/// The oldest that any charter lets the last private statement be at departure.
pub const RECONFIRM_MAX: Duration = Duration::from_secs(7 * DAY);

/// The least time that any charter leaves a person between explanation and statement.
pub const COOLING_OFF_MIN: Duration = Duration::from_secs(HOUR);

/// The witnesses that a statement needs under any charter.
pub const WITNESSES_MIN: u32 = 2;

/// The oldest that any charter lets a GO be at departure: a withdrawal of yesterday is no race.
pub const GO_WINDOW_MAX: Duration = Duration::from_secs(6 * HOUR);

/// The longest time for which any charter lets an assessment of danger count.
pub const ASSESSMENT_VALIDITY_MAX: Duration = Duration::from_secs(365 * DAY);

/// The oldest that any charter lets a certificate of fitness be at departure (GC III Art. 47).
pub const FITNESS_VALIDITY_MAX: Duration = Duration::from_secs(14 * DAY);

/// The least time before a handover at which any charter has a person told of it: to pack, and to tell his family (GC
/// III Art. 48).
pub const NOTICE_MIN: Duration = Duration::from_secs(6 * HOUR);

/// The longest time that any charter asks for between that notice and the handover.
pub const NOTICE_MAX: Duration = Duration::from_secs(30 * DAY);

/// The most by which any charter lets the times of two reports of one handover differ.
pub const REPORT_TOLERANCE_MAX: Duration = Duration::from_secs(6 * HOUR);

/// The shortest time after which any charter lets a hold of another Power than the Detaining one lapse.
pub const FOREIGN_HOLD_MIN: Duration = Duration::from_secs(DAY);

/// The longest.
pub const FOREIGN_HOLD_MAX: Duration = Duration::from_secs(365 * DAY);

/// What rules measure by.
#[derive(Clone, PartialEq, Eq)]
pub struct Charter {
    /// Highest level the channel may carry.
    pub ceiling: Level,
    /// Its parties, ascending.
    pub parties: Vec<Ministry>,
    /// Each party's own word for a level; empty where none was agreed.
    pub national_labels: Vec<NationalLabel>,
    /// Languages of texts; empty where none was agreed.
    pub working_languages: Vec<LanguageCode>,
    /// Language that prevails; none where none was agreed.
    pub prevailing_language: Option<LanguageCode>,
    /// How long a statement of will counts: 90 days, as in the terms of reference of the NNRC of 1953.
    pub will_validity: Duration,
    /// How old the last private statement may be at departure.
    pub reconfirm: Duration,
    /// Time between the explanation and the statement.
    pub cooling_off: Duration,
    /// Witnesses that a statement needs.
    pub witnesses: u32,
    /// Neutral ones among them; never 0.
    pub neutral_witnesses: u32,
    /// How long a protection assessment counts at most.
    pub assessment_validity: Duration,
    /// How old a certificate of fitness may be at departure (GC III Art. 47).
    pub fitness_validity: Duration,
    /// How long before departure a person is told (GC III Art. 48).
    pub notice: Duration,
    /// How old a GO may be at departure.
    pub go_window: Duration,
    /// By how much the times of two reports may differ.
    pub report_tolerance: Duration,
    /// After how long a hold of another Power than the detaining one lapses.
    pub foreign_hold: Duration,
    /// How long after its end what says who a person is may still go into a consultation; none where none was agreed.
    pub erasure: Option<Duration>,
    /// Time to acknowledge FLASH.
    pub flash: Duration,
    /// Time to acknowledge IMMEDIATE.
    pub immediate: Duration,
    /// Time to acknowledge PRIORITY.
    pub priority: Duration,
    /// Within what time a request that names no time is answered; none where none was agreed.
    pub reply: Option<Duration>,
    /// Within what time a protective act that one officer sent is countersigned; it counts without that, too.
    pub countersignature: Duration,
}

/// A party's own word for a level.
#[derive(Clone, PartialEq, Eq)]
pub struct NationalLabel {
    /// The ministry.
    pub ministry: Ministry,
    /// The level.
    pub level: Level,
    /// Its word.
    pub label: String,
}

opaque!(Charter, NationalLabel);

impl Charter {
    /// What counts between these parties before they agreed on a charter.
    pub fn default_for(parties: impl IntoIterator<Item = Ministry>) -> Self {
        let mut parties: Vec<Ministry> = parties.into_iter().collect();
        parties.sort_unstable();
        parties.dedup();
        Self {
            ceiling: Level::Restricted,
            parties,
            national_labels: Vec::new(),
            working_languages: Vec::new(),
            prevailing_language: None,
            will_validity: Duration::from_secs(90 * DAY),
            reconfirm: Duration::from_secs(72 * HOUR),
            cooling_off: Duration::from_secs(24 * HOUR),
            witnesses: 2,
            neutral_witnesses: 1,
            assessment_validity: Duration::from_secs(180 * DAY),
            fitness_validity: Duration::from_secs(72 * HOUR),
            notice: Duration::from_secs(24 * HOUR),
            go_window: Duration::from_secs(HOUR),
            report_tolerance: Duration::from_secs(15 * MINUTE),
            foreign_hold: Duration::from_secs(14 * DAY),
            erasure: None,
            flash: Duration::from_secs(30 * MINUTE),
            immediate: Duration::from_secs(2 * HOUR),
            priority: Duration::from_secs(6 * HOUR),
            reply: None,
            countersignature: Duration::from_secs(DAY),
        }
    }

    /// What the terms of a channel say, and the rest as by default.
    pub fn of(terms: &ChannelTerms) -> Self {
        let policy = &terms.will_policy;
        let label = |line: &channel::NationalLabel| {
            let level = Level::from_number(line.level.number())?;
            let label = line.label.as_str().to_owned();
            Some(NationalLabel { ministry: line.ministry.clone(), level, label })
        };
        Self {
            // The levels of both vocabularies bear the same numbers; an unknown one would be the lowest.
            ceiling: Level::from_number(terms.ceiling.number()).unwrap_or(Level::Unclassified),
            national_labels: terms.national_labels.iter().filter_map(label).collect(),
            working_languages: terms.working_languages.iter().cloned().collect(),
            prevailing_language: Some(terms.prevailing_language.clone()),
            will_validity: policy.validity.duration(),
            reconfirm: policy.reconfirm_before_handover.duration(),
            cooling_off: policy.cooling_off.duration(),
            witnesses: policy.min_witnesses.number(),
            neutral_witnesses: policy.min_neutral_witnesses.number().max(1),
            go_window: terms.go_no_go_window.duration(),
            reply: terms.default_reply_time.as_ref().map(|span| span.duration()),
            erasure: Some(terms.erasure_after_closure.duration()),
            ..Self::default_for(terms.parties.iter().cloned())
        }
    }

    /// The word of a ministry for a level; none where none was agreed.
    pub fn label(&self, ministry: &Ministry, level: Level) -> Option<&str> {
        let mut labels = self.national_labels.iter();
        labels.find(|line| line.ministry == *ministry && line.level == level).map(|line| line.label.as_str())
    }

    /// How long the other side has to acknowledge a message; ROUTINE has no such time.
    pub fn acknowledgement(&self, precedence: Precedence) -> Option<Duration> {
        match precedence {
            Precedence::Flash => Some(self.flash),
            Precedence::Immediate => Some(self.immediate),
            Precedence::Priority => Some(self.priority),
            Precedence::Routine => None,
        }
    }
}

/// What terms say that no charter may say (CHN-10): each field with what is wrong with it.
pub fn beyond_bounds(terms: &ChannelTerms) -> Vec<(&'static str, &'static str)> {
    let policy = &terms.will_policy;
    let all = [
        (
            policy.validity.duration() > WILL_VALIDITY_MAX,
            "will_policy.validity",
            "a statement of will counts for 180 days at most",
        ),
        (
            policy.reconfirm_before_handover.duration() > RECONFIRM_MAX,
            "will_policy.reconfirm_before_handover",
            "the last private statement is seven days old at most at departure",
        ),
        (
            policy.cooling_off.duration() < COOLING_OFF_MIN,
            "will_policy.cooling_off",
            "an hour at least lies between explanation and statement",
        ),
        (
            policy.min_witnesses.number() < WITNESSES_MIN,
            "will_policy.min_witnesses",
            "a statement has two witnesses at least",
        ),
        (
            terms.go_no_go_window.duration() > GO_WINDOW_MAX,
            "go_no_go_window",
            "a GO counts for six hours at most",
        ),
    ];
    all.into_iter().filter(|(is_beyond, ..)| *is_beyond).map(|(_, field, message)| (field, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consultation::acts::channel::{
        ChannelTerms, ChannelTermsFields, WillPolicy, WillPolicyFields,
    };
    use crate::consultation::acts::values::{ChannelCode, Count, Span};
    use crate::consultation::list::{List, Set};
    use crate::consultation::text::ShortText;
    use crate::consultation::words::ProtectionLevel;
    use crate::digest::Digest;

    fn ministry(code: &str) -> Ministry {
        Ministry::parse(code).unwrap()
    }

    #[test]
    fn a_charter_says_what_its_terms_say() {
        let span = |text| Span::parse(text).unwrap();
        let policy = WillPolicy::new(WillPolicyFields {
            validity: span("60d"),
            reconfirm_before_handover: span("48h"),
            cooling_off: span("12h"),
            min_witnesses: Count::new(3).unwrap(),
            min_neutral_witnesses: Count::new(2).unwrap(),
        });
        let own_word = channel::NationalLabel {
            ministry: ministry("XA"),
            level: ProtectionLevel::Restricted,
            label: ShortText::new("대외비").unwrap(),
        };
        let languages: Vec<LanguageCode> =
            ["ko", "en"].iter().map(|tag| LanguageCode::parse(tag).unwrap()).collect();
        let terms = ChannelTerms::new(ChannelTermsFields {
            channel: ChannelCode::parse("ch-0123456789abcdef").unwrap(),
            parties: Set::new(vec![ministry("XB"), ministry("XA")]).unwrap(),
            ceiling: ProtectionLevel::Confidential,
            national_labels: List::new(vec![own_word]).unwrap(),
            working_languages: List::new(languages.clone()).unwrap(),
            prevailing_language: LanguageCode::parse("en").unwrap(),
            will_policy: policy.unwrap(),
            go_no_go_window: span("45m"),
            default_reply_time: None,
            root_key_fingerprints: Set::new(vec![Digest::of(b"a"), Digest::of(b"b")]).unwrap(),
            erasure_after_closure: span("30d"),
            dispute_clause: None,
        });
        let charter = Charter::of(&terms.unwrap());
        assert_eq!(
            (charter.ceiling, charter.witnesses, charter.neutral_witnesses),
            (Level::Confidential, 3, 2)
        );
        assert_eq!(charter.will_validity, Duration::from_secs(60 * DAY));
        assert_eq!(charter.reconfirm, Duration::from_secs(48 * HOUR));
        assert_eq!(charter.cooling_off, Duration::from_secs(12 * HOUR));
        assert_eq!(charter.go_window, Duration::from_secs(45 * MINUTE));
        assert_eq!(charter.erasure, Some(Duration::from_secs(30 * DAY)));
        assert_eq!(charter.parties, [ministry("XA"), ministry("XB")]);
        assert_eq!(charter.label(&ministry("XA"), Level::Restricted), Some("대외비"));
        assert_eq!(charter.label(&ministry("XB"), Level::Restricted), None);
        assert!(
            charter.working_languages == languages
                && charter.prevailing_language == languages.last().cloned()
        );
        assert_eq!(charter.fitness_validity, Charter::default_for([]).fitness_validity);
    }
}

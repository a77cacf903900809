//! A peer of a later release sends acts that this one cannot read: none is lost, none is mistaken for another, and
//! what would bind somebody is answered by a signed rejection. By real gateways and desks.

use chancery::consultation::act::ActKind;
use chancery::consultation::rules;
use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::desk::register::SentEntry;
use chancery::message::terms::ActClass;

use super::papers::{arrives, opened, rules_of};
use super::{PERSON, everything, folded, say_the_same};
use crate::support::{Stage, forms};

/// XB sends an act of a kind that no desk of this release knows.
async fn later(stage: &Stage, consultation: &str, kind: &str, class: ActClass) -> SentEntry {
    let house = stage.house("XB");
    let desk = house.desk().unwrap();
    let trust = desk.trust().unwrap();
    let form = forms::memorandum("XA", consultation, "Words that every release can read.");
    let draft = parse(&form, &IdsOnly).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let mut composition = desk.compose(&trust, house.keys(), &draft, stage.folder(), None).unwrap();
    assert!(!rules::forbids(&composition.findings));
    composition.dispatch.kind = kind.to_owned();
    composition.dispatch.act_class = class;
    // A field of a number that no act of this release has.
    composition.dispatch.act = vec![0xfa, 0x3f, 0x02, b'o', b'k'];
    let [sent] = desk.send(&trust, house.keys(), composition).await.unwrap().try_into().unwrap();
    arrives(stage, "XB", std::slice::from_ref(&sent)).await;
    sent
}

async fn attended(stage: &Stage, code: &str) -> usize {
    let house = stage.house(code);
    let desk = house.desk().unwrap();
    desk.attend(&desk.trust().unwrap(), house.keys()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn acts_of_a_later_release_are_registered_shown_and_where_they_would_bind_rejected() {
    let stage = Stage::pair().await;
    let consultation = opened(&stage, &["XA"]).await;
    for (kind, class) in [
        ("sanctuary-notice", ActClass::Protective),
        ("parole-report", ActClass::Factual),
        ("greeting", ActClass::Correspondence),
    ] {
        later(&stage, &consultation, kind, class).await;
        let read = stage.house("XA").read("@last").unwrap();
        assert!(read.act().is_none() && read.dispatch.dispatch().kind == kind);
        assert!(!read.signatures.is_empty(), "its signatures were verified like any others");
        assert_eq!(attended(&stage, "XA").await, 0, "{kind} is not answered");
    }
    let seen = folded(stage.house("XA"), &consultation);
    assert_eq!(
        seen.book.everything().not_understood().count(),
        3,
        "each is there, and said not to be understood"
    );

    let binding = later(&stage, &consultation, "parole-agreement", ActClass::Normative).await;
    assert_eq!(attended(&stage, "XA").await, 1);
    assert_eq!(attended(&stage, "XA").await, 0, "it is answered once");
    let answer = stage.house("XA").desk().unwrap().register().sent().unwrap().pop().unwrap();
    arrives(&stage, "XA", std::slice::from_ref(&answer)).await;
    let read = stage.house("XB").read("@last").unwrap();
    assert_eq!(read.dispatch.dispatch().in_reply_to, Some(binding.id));
    assert_eq!(rules_of(read.act().unwrap()), ["FRM_05"]);
    let past = folded(stage.house("XA"), &consultation);
    assert_eq!(past.book.everything().of_kind(ActKind::RuleRejection).count(), 1);

    // What nobody understood holds nothing up: the consultation goes on, and the casebook is rebuilt the same.
    let form = forms::hold("XA", &consultation, PERSON);
    let [hold] = stage.send("XB", &form).await.try_into().unwrap();
    arrives(&stage, "XB", &[hold]).await;
    let after = folded(stage.house("XA"), &consultation);
    assert_eq!(after.book.everything().of_kind(ActKind::HoldNotice).count(), 1);
    let house = stage.house("XA");
    let live = everything(house);
    let desk = house.desk().unwrap();
    desk.rebuild_casebook(&desk.trust().unwrap(), house.keys()).unwrap();
    say_the_same(&everything(house), &live);
}

//! A normative act that fails at the receiver, sent by a desk that overrides its own rules: answered by a signed
//! rejection that names the rules, at both desks, live and rebuilt.

use chancery::consultation::act::ActKind;
use chancery::consultation::acts::values::ActRef;
use chancery::message::terms::AuthenticationKind;

use super::papers::{arrives, case, conveys, in_spite, opened, rules_of};
use super::{PERSON, everything, folded, say_the_same};
use crate::support::{Stage, forms};

async fn attended(stage: &Stage, code: &str) -> usize {
    let house = stage.house(code);
    let desk = house.desk().unwrap();
    desk.attend(&desk.trust().unwrap(), house.keys()).await.unwrap()
}

/// Rebuilt at each of these desks, the casebook says what it said.
fn rebuilt_alike(stage: &Stage, codes: &[&str]) {
    for code in codes {
        let house = stage.house(code);
        let live = everything(house);
        let desk = house.desk().unwrap();
        desk.rebuild_casebook(&desk.trust().unwrap(), house.keys()).unwrap();
        say_the_same(&everything(house), &live);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_normative_act_that_fails_is_answered_by_a_signed_rejection_and_stands_so_at_both_desks() {
    let stage = Stage::pair().await;
    let consultation = opened(&stage, &["XA"]).await;
    // XA holds nobody, and registers a case all the same.
    let form = case(&["XB"], &consultation, PERSON);
    let wrong = in_spite(&stage, "XA", &form).await;
    arrives(&stage, "XA", &wrong).await;
    let reference = ActRef::new(wrong[0].dispatch_digest);
    let verdicts: Vec<_> = ["XA", "XB"]
        .iter()
        .map(|code| {
            let folded = folded(stage.house(code), &consultation);
            folded.book.everything().find(reference).unwrap().verdict.clone()
        })
        .collect();
    assert_eq!(verdicts[0].to_string(), "CON_03");
    assert_eq!(verdicts[0], verdicts[1]);

    assert_eq!(attended(&stage, "XB").await, 1);
    assert_eq!(attended(&stage, "XB").await, 0, "it is answered once");
    let answers = stage.house("XB").desk().unwrap().register().sent().unwrap();
    arrives(&stage, "XB", &answers).await;
    let read = stage.house("XA").read("@last").unwrap();
    assert_eq!(rules_of(read.act().unwrap()), ["CON_03"]);
    let listed: Vec<AuthenticationKind> =
        read.dispatch.dispatch().authentications.iter().map(|one| one.kind).collect();
    assert_eq!((listed, read.signatures.len()), (vec![AuthenticationKind::Registry], 1));
    assert_eq!(read.dispatch.dispatch().in_reply_to, Some(wrong[0].id));
    for code in ["XA", "XB"] {
        let folded = folded(stage.house(code), &consultation);
        let past = folded.book.everything();
        let rejections: Vec<_> = past.of_kind(ActKind::RuleRejection).collect();
        assert_eq!(rejections.len(), 1, "{code}");
        assert!(!past.find(reference).unwrap().stands(), "{code}");
    }
    // What XB registers itself stands, and what XA is told is not answered in its turn.
    assert_eq!(attended(&stage, "XA").await, 0);
    let right = conveys(&stage, "XB", &case(&["XA"], &consultation, PERSON)).await;
    let right = ActRef::new(right[0].dispatch_digest);
    assert!(folded(stage.house("XA"), &consultation).book.everything().find(right).unwrap().stands());
    assert_eq!((attended(&stage, "XA").await, attended(&stage, "XB").await), (0, 0));
    rebuilt_alike(&stage, &["XA", "XB"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_and_protective_acts_are_registered_whatever_stands_against_them() {
    let stage = Stage::pair().await;
    // Of a consultation that nobody opened, by whoever sends it.
    let [begun] =
        conveys(&stage, "XA", &forms::memorandum("XB", "new", "A beginning.")).await.try_into().unwrap();
    conveys(&stage, "XA", &super::hold("XB", &begun.consultation)).await;
    let folded = folded(stage.house("XB"), &begun.consultation);
    let past = folded.book.everything();
    let holds: Vec<_> = past.of_kind(ActKind::HoldNotice).collect();
    assert_eq!(holds.len(), 1);
    assert!(holds[0].stands());
    assert_eq!(attended(&stage, "XB").await, 0, "there is nothing to reject");
    rebuilt_alike(&stage, &["XA", "XB"]);
}

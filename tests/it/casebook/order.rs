//! Whatever the order of arrival: what rests on acts that are on their way waits, and is judged when they are here.

use chancery::consultation::casebook::Missing;
use chancery::consultation::reference::ConsultationId;
use chancery::desk::casebook::Folded;
use chancery::desk::error::DeskError;
use chancery::digest::Digest;

use super::papers::{arrives, conveys, list, three};
use super::{everything, folded, say_the_same};
use crate::support::{Stage, forms, ministry};

fn to(codes: &[&str], consultation: &str, words: &str) -> String {
    forms::memorandum("XX", consultation, words).replace("[\"XX\"]", &list(codes))
}

fn missing(folded: &Folded) -> Vec<Missing> {
    folded.book.lacking()
}

/// XC is away while XA writes to both others, and XA is gone when XC returns: what XC gets first is what XB answers.
/// Where the copy for XC `is_held` it does not go either when XA returns: who is faster then is chance.
async fn overtaken(is_held: bool) -> (Stage, String) {
    let mut stage = three().await;
    stage.house_mut("XC").stop().await.unwrap();
    let first = stage.send("XA", &to(&["XB", "XC"], "new", "A beginning.")).await;
    let to_b = first.iter().find(|copy| copy.recipient.as_str() == "XB").unwrap();
    stage.settled("XA", to_b).await;
    stage.house("XB").fetch().await.unwrap();
    if is_held {
        let to_c = first.iter().find(|copy| copy.recipient.as_str() == "XC").unwrap();
        stage.gateway("XA").hold(to_c.id.digest(), false, "TICKET-1".to_owned(), 0).await.unwrap();
    }
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XC").start().await.unwrap();
    stage.sound("XC", "XB").await;
    (stage, first[0].consultation.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_arrives_before_what_it_rests_on_is_buffered_and_judged_later_with_the_same_result() {
    let (mut stage, consultation) = overtaken(false).await;
    let answer = stage.send("XB", &to(&["XA", "XC"], &consultation, "An answer.")).await;
    let hold = super::hold("XC\", \"XA", &consultation);
    let hold = stage.send("XB", &hold).await;
    for copy in answer.iter().chain(&hold).filter(|copy| copy.recipient.as_str() == "XC") {
        stage.settled("XB", copy).await;
    }
    // The desk that stays open, and one that is opened anew each time.
    let (house, desk) = (stage.house("XC"), stage.house("XC").desk().unwrap());
    let trust = desk.trust().unwrap();
    house.fetch().await.unwrap();
    let early = desk.consultation_of(&trust, house.keys(), &consultation).unwrap();
    assert_eq!(early.book.waiting().count(), 1, "the answer waits");
    assert_eq!(early.book.history().len(), 1, "a protective act waits for nothing");
    assert_eq!(missing(&early), [Missing { ministry: ministry("XA"), first: 1, last: 1 }]);
    assert_eq!(early.book.passed_over().count(), 0, "nothing is given up that is on its way");
    assert!(early.book == folded(house, &consultation).book);
    desk.rebuild_casebook(&trust, house.keys()).unwrap();
    assert!(early.book == folded(house, &consultation).book, "it waits after a rebuild as well");
    let opened = house
        .read(&forms::reference(&answer.iter().find(|copy| copy.recipient.as_str() == "XC").unwrap().id));
    assert_eq!(opened.unwrap().waits_for.len(), 1, "whoever reads it is told");

    stage.house_mut("XA").start().await.unwrap();
    let desk_of_a = stage.house("XA").desk().unwrap();
    let first = desk_of_a.register().sent().unwrap();
    arrives(&stage, "XA", &first).await;
    stage.house("XA").fetch().await.unwrap();
    let house = stage.house("XC");
    let late = desk.consultation_of(&trust, house.keys(), &consultation).unwrap();
    assert_eq!((late.book.waiting().count(), late.book.history().len()), (0, 3));
    // XB had everything in order, XC the other way round.
    let in_order = folded(stage.house("XB"), &consultation);
    assert!(late.book.history() == in_order.book.history());
    assert!(folded(stage.house("XA"), &consultation).book.history() == in_order.book.history());
    let live = everything(house);
    assert!(late.book == live.1[&consultation].book);
    desk.rebuild_casebook(&trust, house.keys()).unwrap();
    say_the_same(&everything(house), &live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_act_numbers_is_waited_for_shown_and_passed_over_when_a_later_act_came() {
    let (mut stage, consultation) = overtaken(true).await;
    let answer = stage.send("XB", &to(&["XA", "XC"], &consultation, "An answer.")).await;
    stage.settled("XB", answer.iter().find(|copy| copy.recipient.as_str() == "XC").unwrap()).await;
    stage.house("XC").fetch().await.unwrap();
    assert_eq!(folded(stage.house("XC"), &consultation).book.waiting().count(), 1);

    // XA takes back what was to go to XC, and goes on.
    stage.house_mut("XA").start().await.unwrap();
    stage.sound("XA", "XB").await;
    stage.sound("XA", "XC").await;
    let sent = stage.house("XA").desk().unwrap().register().sent().unwrap();
    let to_c = sent.iter().find(|copy| copy.recipient.as_str() == "XC").unwrap();
    let (_, unreceipted) = stage.gateway("XA").withdraw(to_c.id.digest(), false, 0).await.unwrap();
    assert_eq!(unreceipted, 0, "it was handed over: its receipt would outweigh that it was taken back");
    arrives(&stage, "XB", &answer).await;
    let next = stage.send("XA", &to(&["XB", "XC"], &consultation, "And on.")).await;
    arrives(&stage, "XA", &next).await;

    let [at_b, at_c] = ["XB", "XC"].map(|code| folded(stage.house(code), &consultation));
    let given_up = Missing { ministry: ministry("XA"), first: 1, last: 1 };
    let waiting = at_c.book.waiting().count();
    let passed_over: Vec<Missing> = at_c.book.passed_over().collect();
    assert_eq!(passed_over, [given_up], "{waiting} wait, {} are registered", at_c.book.history().len());
    assert_eq!(at_b.book.passed_over().count(), 0);
    assert_eq!((at_c.book.waiting().count(), at_c.book.history().len()), (0, 2));
    assert_eq!((at_b.book.waiting().count(), at_b.book.history().len()), (0, 3));
    // Nobody departs on a past that is not whole; see `clear_to_depart`.
    let house = stage.house("XC");
    let live = everything(house);
    let desk = house.desk().unwrap();
    desk.rebuild_casebook(&desk.trust().unwrap(), house.keys()).unwrap();
    say_the_same(&everything(house), &live);
}

/// Whether no act of this number was sent; otherwise somebody may have it, and it is not given twice.
fn was_never_sent(stage: &Stage, id: &ConsultationId, number: u64) -> bool {
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    match desk.stand_in(&desk.trust().unwrap(), house.keys(), id, number) {
        Err(DeskError::NoSuchAct(told)) => told == number,
        Err(DeskError::NotGivenUp { number: told, .. }) => {
            assert_eq!(told, number);
            false
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the number {number} is given twice"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_takes_the_number_of_an_act_that_reached_nobody_and_nothing_is_missing_any_more() {
    let mut stage = three().await;
    let first = conveys(&stage, "XA", &to(&["XB", "XC"], "new", "A beginning.")).await;
    let consultation = first[0].consultation.clone();
    let id = ConsultationId::parse(&consultation).unwrap();
    for code in ["XB", "XC"] {
        stage.house_mut(code).stop().await.unwrap();
    }
    let given_up = stage.send("XA", &to(&["XB", "XC"], &consultation, "Given up.")).await;
    for copy in &given_up {
        let copy = Digest::from_slice(copy.id.as_bytes()).unwrap();
        stage.gateway("XA").withdraw(copy, false, 0).await.unwrap();
    }
    // One that arrived, one of which nobody has said that he has it not, and one that there never was.
    for (number, never) in [(1, false), (2, false), (9, true)] {
        assert_eq!(was_never_sent(&stage, &id, number), never, "{number}");
    }
    for code in ["XB", "XC"] {
        stage.house_mut(code).start().await.unwrap();
        stage.sound("XA", code).await;
    }
    let next = conveys(&stage, "XA", &to(&["XB", "XC"], &consultation, "And on.")).await;
    let missing = |code: &str| -> Vec<Missing> {
        folded(stage.house(code), &consultation).book.passed_over().collect()
    };
    let gap = vec![Missing { ministry: ministry("XA"), first: 2, last: 2 }];
    assert_eq!((missing("XB"), missing("XC")), (gap.clone(), gap));

    // The recipients have answered for the numbers that were used up, and a letter says what they were.
    let (house, desk) = (stage.house("XA"), stage.house("XA").desk().unwrap());
    let trust = desk.trust().unwrap();
    let mut mailbox = desk.mailbox(house.keys()).await.unwrap();
    desk.refresh_sent(&trust, &mut mailbox).await.unwrap();
    let (_, letter) = desk.stand_in(&trust, house.keys(), &id, 2).unwrap();
    let sent = desk.send_stand_in(&trust, house.keys(), letter, 2).await.unwrap();
    assert!(sent.len() == 2 && sent.iter().all(|copy| copy.act_number == 2));
    arrives(&stage, "XA", &sent).await;
    for code in ["XA", "XB", "XC"] {
        let folded = folded(stage.house(code), &consultation);
        assert_eq!((missing(code), folded.book.history().len()), (Vec::new(), 3), "{code}");
        let numbered = |number| folded.book.history().numbered(&ministry("XA"), number).unwrap();
        assert!((1..=3).all(|number| numbered(number).stands()), "{code}");
        assert_eq!(numbered(3).reference.dispatch_digest(), next[0].dispatch_digest);
        assert_eq!(folded.book.equivocations().count(), 0, "{code}");
    }
    assert!(
        folded(stage.house("XB"), &consultation).book.history()
            == folded(stage.house("XC"), &consultation).book.history()
    );
    assert!(!was_never_sent(&stage, &id, 2), "XB and XC have it now");
    // What the letter says is what stands under the number after a rebuild too, and the next number is the next.
    let live = everything(house);
    desk.rebuild_casebook(&trust, house.keys()).unwrap();
    say_the_same(&everything(house), &live);
    let last = conveys(&stage, "XA", &to(&["XB", "XC"], &consultation, "At last.")).await;
    assert_eq!(last[0].act_number, 4);
}

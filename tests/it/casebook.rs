//! The casebook of a desk: sealed, grown by what comes, rebuilt with the same result whatever happened to its file.

mod charters;
mod killed;
mod newer;
mod order;
mod papers;
mod promises;
mod rejection;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use chancery::consultation::acts::values::ActRef;
use chancery::desk::casebook::{Folded, Index};
use chancery::desk::register::SentEntry;
use chancery::rehearsal::house::House;

use crate::support::search::{Needle, forms_of, found, found_below};
use crate::support::{Stage, forms};

const PERSON: &str = "P-7QK4-M2XD-9WTV";
const FAMILY: &str = "카나리아홍";
const GIVEN: &str = "길동새";
const LATIN: &str = "Canaryovich-Test";

fn needles() -> Vec<Needle> {
    [
        forms_of("the reference", PERSON.as_bytes()),
        forms_of("the family name", FAMILY.as_bytes()),
        forms_of("the given name", GIVEN.as_bytes()),
        forms_of("the Latin name", LATIN.as_bytes()),
    ]
    .concat()
}

fn particulars(to: &str, consultation: &str) -> String {
    let names = [(FAMILY, GIVEN, "Hang"), (LATIN, "Kil Tong", "Latn")];
    forms::particulars(to, consultation, PERSON, &names)
}

fn hold(to: &str, consultation: &str) -> String {
    forms::hold(to, consultation, PERSON)
}

fn grown(house: &House) -> Arc<Index> {
    let desk = house.desk().unwrap();
    desk.casebook(&desk.trust().unwrap(), house.keys()).unwrap()
}

fn folded(house: &House, consultation: &str) -> Arc<Folded> {
    let desk = house.desk().unwrap();
    desk.consultation_of(&desk.trust().unwrap(), house.keys(), consultation).unwrap()
}

fn file(house: &House) -> PathBuf {
    house.homes().desk.directory().join("casebook.db")
}

/// Everything the casebook of a house says.
fn everything(house: &House) -> (Arc<Index>, BTreeMap<String, Arc<Folded>>) {
    let index = grown(house);
    let all = index.consultations().iter().map(|id| (id.clone(), folded(house, id))).collect();
    (index, all)
}

fn say_the_same(
    one: &(Arc<Index>, BTreeMap<String, Arc<Folded>>),
    other: &(Arc<Index>, BTreeMap<String, Arc<Folded>>),
) {
    assert!(one.0.says_the_same(&other.0));
    assert_eq!(one.1.keys().collect::<Vec<_>>(), other.1.keys().collect::<Vec<_>>());
    for (id, folded) in &one.1 {
        let again = &other.1[id];
        assert!(folded.book == again.book, "{id}");
        assert_eq!(folded.kept.len(), again.kept.len(), "{id}");
        assert!(folded.book.passed_over().eq(again.book.passed_over()), "{id}");
    }
}

async fn exchanged(stage: &Stage) -> (String, Vec<SentEntry>) {
    let [first] = stage.send("XB", &forms::memorandum("XA", "new", "A beginning.")).await.try_into().unwrap();
    let consultation = first.consultation.clone();
    let [second] = stage.send("XB", &particulars("XA", &consultation)).await.try_into().unwrap();
    let [third] = stage.send("XB", &hold("XA", &consultation)).await.try_into().unwrap();
    let sent = vec![first, second, third];
    for copy in &sent {
        stage.settled("XB", copy).await;
    }
    stage.house("XA").fetch().await.unwrap();
    (consultation, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_person_stands_in_clear_in_the_home_of_a_desk() {
    let stage = Stage::pair().await;
    let (consultation, _) = exchanged(&stage).await;
    for code in ["XA", "XB"] {
        let house = stage.house(code);
        let (index, all) = everything(house);
        // It is there, for whoever has the key.
        let person = chancery::consultation::reference::PersonRef::parse(PERSON).unwrap();
        let desk = house.desk().unwrap();
        let home = desk.home_of(&desk.trust().unwrap(), house.keys(), &person).unwrap();
        assert_eq!(home.unwrap().text(), consultation);
        assert!(index.names().occurs_in(&format!("{FAMILY} {GIVEN}가 왔다")));
        assert_eq!(all[&consultation].book.everything().persons().count(), 1);
        assert_eq!(all[&consultation].book.history().len(), 3);
        // And for nobody else.
        assert!(fs::metadata(file(house)).unwrap().len() > 16 * 1024);
        assert_eq!(found_below(house.homes().desk.directory(), &needles()), Default::default());
    }
    // The same search finds what is not sealed.
    let plain = format!("{PERSON} {FAMILY} {GIVEN} {LATIN}");
    assert!(found(plain.as_bytes(), &needles()).len() >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_casebook_is_rebuilt_with_the_same_result_whatever_happened_to_its_file() {
    let stage = Stage::pair().await;
    let (consultation, _) = exchanged(&stage).await;
    let house = stage.house("XA");
    let live = everything(house);
    // It goes on where it was.
    let early = fs::read(file(house)).unwrap();
    let [answer] =
        stage.send("XA", &forms::memorandum("XB", &consultation, "An answer.")).await.try_into().unwrap();
    stage.settled("XA", &answer).await;
    let later = everything(house);
    assert_eq!(later.1[&consultation].book.history().len(), 4);
    assert!(!live.0.says_the_same(&later.0) || live.1[&consultation].book != later.1[&consultation].book);
    let whole = fs::read(file(house)).unwrap();
    let desk = house.desk().unwrap();
    let (trust, keys) = (desk.trust().unwrap(), house.keys());

    let rebuilt = desk.rebuild_casebook(&trust, keys).unwrap();
    assert_eq!((rebuilt.opened, rebuilt.unopened, rebuilt.anew), (4, 0, true));
    say_the_same(&everything(house), &later);
    // Nothing is opened again when nothing came.
    let again = house.desk().unwrap().grow_casebook(&trust, keys).unwrap();
    assert_eq!((again.opened, again.anew), (0, false));

    let middle = |bytes: &[u8]| {
        let mut spoiled = bytes.to_vec();
        // A page in the middle, where sealed bytes are.
        let from = spoiled.len() / 2;
        spoiled[from..from + 64].iter_mut().for_each(|byte| *byte ^= 0x55);
        spoiled
    };
    let damages: [(&str, Option<Vec<u8>>); 6] = [
        ("missing", None),
        ("empty", Some(Vec::new())),
        ("torn", Some(whole[..whole.len() / 2].to_vec())),
        ("altered", Some(middle(&whole))),
        ("no database", Some(vec![7; 4096])),
        ("from before", Some(early)),
    ];
    for (what, bytes) in damages {
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(format!("{}{ending}", file(house).display()));
        }
        match bytes {
            Some(bytes) => fs::write(file(house), bytes).unwrap(),
            None => fs::remove_file(file(house)).unwrap(),
        }
        say_the_same(&everything(house), &later);
        assert!(fs::metadata(file(house)).unwrap().len() > 0, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_casebook_that_another_key_wrote_is_not_believed() {
    let stage = Stage::pair().await;
    let (consultation, _) = exchanged(&stage).await;
    let (own, other) = (stage.house("XA"), stage.house("XB"));
    let (live, _) = (everything(own), everything(other));
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", file(own).display()));
    }
    // Of the same consultation, whole, and sealed by somebody else.
    fs::copy(file(other), file(own)).unwrap();
    let desk = own.desk().unwrap();
    let grown = desk.grow_casebook(&desk.trust().unwrap(), own.keys()).unwrap();
    assert_eq!((grown.opened, grown.anew), (3, true));
    say_the_same(&everything(own), &live);
    assert_eq!(folded(own, &consultation).book.history().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_desks_hold_the_same_consultation_in_whatever_steps_they_took_it_up() {
    let stage = Stage::pair().await;
    let (consultation, _) = exchanged(&stage).await;
    everything(stage.house("XA"));
    for turn in 0..3 {
        let (from, to) = if turn % 2 == 0 { ("XA", "XB") } else { ("XB", "XA") };
        let words = format!("Turn {turn}.");
        let form = forms::memorandum(to, &consultation, &words);
        let [copy] = stage.send(from, &form).await.try_into().unwrap();
        stage.settled(from, &copy).await;
        stage.house(to).fetch().await.unwrap();
    }
    let [one, other] = ["XA", "XB"].map(|code| folded(stage.house(code), &consultation));
    assert_eq!(one.book.history().len(), 6);
    assert!(one.book.history() == other.book.history());
    let order = |folded: &Folded| -> Vec<ActRef> {
        folded.book.everything().acts().map(|act| act.reference).collect()
    };
    assert_eq!(order(&one).len(), 6);
    assert!(order(&one) == order(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consultation_that_was_asked_for_before_anything_of_it_came_is_judged_like_any_other() {
    let stage = Stage::pair().await;
    let house = stage.house("XA");
    let desk = house.desk().unwrap();
    let (trust, keys) = (desk.trust().unwrap(), house.keys());
    let form = forms::memorandum("XA", "new", "A beginning.");
    let [first] = stage.send("XB", &form).await.try_into().unwrap();
    let asked_for = || desk.consultation_of(&trust, keys, &first.consultation).unwrap();
    assert!(asked_for().kept.is_empty());
    stage.settled("XB", &first).await;
    desk.fetch(&trust, &mut desk.mailbox(keys).await.unwrap()).await.unwrap();
    let live = asked_for();
    assert_eq!(live.kept.len(), 1);
    // Another process of the desk, which was not asked before.
    assert!(live.book == folded(house, &first.consultation).book);
}

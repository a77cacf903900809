//! A desk that is killed: in the middle of a growth, or of a fetch. What it left is taken up, with the same result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use chancery::desk::Desk;
use chancery::desk::casebook::{Folded, Index};
use chancery::entropy::{Entropy, NoEntropy, SystemEntropy};

use super::papers::arrives;
use super::{everything, exchanged, particulars, say_the_same};
use crate::support::{Stage, forms};

/// Takes a picture of a home whenever something is sealed there: what a desk that is killed at that instant leaves.
struct Pictures {
    home: PathBuf,
    folder: PathBuf,
    taken: AtomicUsize,
    on: Mutex<bool>,
}

impl Entropy for Pictures {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        if *self.on.lock().unwrap() {
            let number = self.taken.fetch_add(1, Ordering::SeqCst);
            copy(&self.home, &self.folder.join(number.to_string()));
        }
        SystemEntropy.fill(bytes)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else if !name.to_string_lossy().ends_with("-shm") {
            // What a killed process had mapped is gone; the next one makes it anew from the rest.
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

fn everything_at(stage: &Stage, home: &Path) -> (Arc<Index>, BTreeMap<String, Arc<Folded>>) {
    let desk = Desk::open(home, Arc::new(stage.clock.another()), Arc::new(SystemEntropy)).unwrap();
    // The keys are the same, and need not be opened for every picture.
    let (trust, keys) = (desk.trust().unwrap(), stage.house("XA").keys());
    let index = desk.casebook(&trust, keys).unwrap();
    let fold = |id: &String| (id.clone(), desk.consultation_of(&trust, keys, id).unwrap());
    let all = index.consultations().iter().map(fold).collect();
    (index, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_is_killed_while_its_casebook_grows_goes_on_with_the_same_result() {
    let stage = Stage::pair().await;
    let house = stage.house("XA");
    let home = house.homes().desk.directory().to_owned();
    let folder = stage.folder().join("pictures");
    let (taken, on) = (AtomicUsize::new(0), Mutex::new(false));
    let pictures = Arc::new(Pictures { home: home.clone(), folder: folder.clone(), taken, on });
    let desk = Desk::open(&home, Arc::new(stage.clock.another()), pictures.clone()).unwrap();
    let (trust, keys) = (desk.trust().unwrap(), house.keys());
    let (consultation, _) = exchanged(&stage).await;
    for turn in 0..4 {
        // Casebook and register are of different ages in every picture: one is written after the other.
        *pictures.on.lock().unwrap() = true;
        desk.grow_casebook(&trust, keys).unwrap();
        if turn == 2 {
            desk.rebuild_casebook(&trust, keys).unwrap();
        }
        *pictures.on.lock().unwrap() = false;
        let form = match turn {
            1 => particulars("XA", &consultation),
            _ => forms::memorandum("XA", &consultation, &format!("Turn {turn}.")),
        };
        let sent = stage.send("XB", &form).await;
        arrives(&stage, "XB", &sent).await;
    }
    let count = pictures.taken.load(Ordering::SeqCst);
    assert!(count >= 8, "only {count} instants");
    let mut acts = Vec::new();
    for number in 0..count {
        let left = folder.join(number.to_string());
        // The same register with no casebook at all.
        let bare = folder.join(format!("{number}-bare"));
        copy(&left, &bare);
        for ending in ["", "-wal"] {
            let _none = fs::remove_file(bare.join(format!("casebook.db{ending}")));
        }
        let (went_on, anew) = (everything_at(&stage, &left), everything_at(&stage, &bare));
        say_the_same(&went_on, &anew);
        acts.push(went_on.1[&consultation].book.history().len());
    }
    assert!(acts.is_sorted() && acts.first() == Some(&3) && acts.last() == Some(&6), "{acts:?}");
}

/// Works for so many turns, and is then let go of as the work of a killed process is.
async fn cut_short<T>(work: impl Future<Output = T>, turns: usize) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut left = turns;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_is_cut_short_anywhere_loses_and_doubles_nothing() {
    let stage = Stage::pair().await;
    let (consultation, _) = exchanged(&stage).await;
    let house = stage.house("XA");
    let (mut cut, mut acts) = (0, 3);
    for turns in (0..24).chain([1_000_000]) {
        let sent = stage.send("XB", &forms::memorandum("XA", &consultation, &format!("Turn {turns}."))).await;
        acts += 1;
        stage.settled("XB", &sent[0]).await;
        let desk = house.desk().unwrap();
        let (trust, keys) = (desk.trust().unwrap(), house.keys());
        let fetching = async {
            let mut mailbox = desk.mailbox(keys).await.unwrap();
            desk.fetch(&trust, &mut mailbox).await.unwrap()
        };
        cut += usize::from(cut_short(fetching, turns).await.is_none());
        drop(desk);
        // Whatever came is in the casebook, which is written now and then only.
        if turns % 3 == 0 {
            everything(house);
        }
    }
    assert!(cut >= 3, "nothing was cut short");
    let live = everything(house);
    assert_eq!(live.1[&consultation].book.history().len(), acts);
    let theirs = everything(stage.house("XB"));
    assert!(live.1[&consultation].book.history() == theirs.1[&consultation].book.history());
    let desk = house.desk().unwrap();
    desk.rebuild_casebook(&desk.trust().unwrap(), house.keys()).unwrap();
    say_the_same(&everything(house), &live);
}

//! Random interleavings of verbs against a model: sequences stay gapless, logs stay as long as their leaves,
//! and the outbox keeps its order, across restarts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;

use crate::digest::Digest;
use crate::gateway::store::fixture::{Line, NOW, ORIGIN, Settled, beside, entry, later, open, peer, refused};
use crate::gateway::store::record::{
    Consignment, Custody, Decision, Direction, Expiry, Footing, Holding, Release, SentState, Settlement,
    Withdrawal,
};
use crate::gateway::store::{Purpose, Store};

const CHANNELS: [&str; 2] = ["ch-a", "ch-b"];

#[derive(Debug, Clone)]
enum Verb {
    /// Offers next messages of channels together, each sent, received or rejected, with its precedence.
    Batch(Vec<(usize, Way, u8)>),
    /// Offers a message that must not be taken.
    Wrong {
        channel: usize,
        way: Way,
        how: Wrong,
    },
    Settle {
        nth: usize,
        delivered: bool,
    },
    Expire {
        nth: usize,
    },
    Defer {
        nth: usize,
        seconds: u64,
    },
    Hold {
        nth: usize,
    },
    Release {
        nth: usize,
    },
    Withdraw {
        nth: usize,
    },
    Append,
    Reopen,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Send,
    Receive,
    Reject,
}

#[derive(Debug, Clone, Copy)]
enum Wrong {
    Again,
    Gap,
    Other,
    PartMissing,
}

impl Way {
    fn purpose(self) -> Purpose {
        match self {
            Self::Send => Purpose::Send,
            Self::Receive => Purpose::Deliver,
            Self::Reject => Purpose::Reject("CLS_01".to_owned()),
        }
    }
}

fn way() -> impl Strategy<Value = Way> {
    prop_oneof![3 => Just(Way::Send), 2 => Just(Way::Receive), 1 => Just(Way::Reject)]
}

fn verb() -> impl Strategy<Value = Verb> {
    let channel = 0..CHANNELS.len();
    let how = prop_oneof![Just(Wrong::Again), Just(Wrong::Gap), Just(Wrong::Other), Just(Wrong::PartMissing)];
    prop_oneof![
        8 => prop::collection::vec((channel.clone(), way(), 1..=4_u8), 1..5).prop_map(Verb::Batch),
        4 => (channel, way(), how).prop_map(|(channel, way, how)| Verb::Wrong { channel, way, how }),
        2 => (0..9_usize, any::<bool>()).prop_map(|(nth, delivered)| Verb::Settle { nth, delivered }),
        1 => (0..9_usize).prop_map(|nth| Verb::Expire { nth }),
        1 => (0..9_usize, 0..3_u64).prop_map(|(nth, seconds)| Verb::Defer { nth, seconds }),
        1 => (0..9_usize).prop_map(|nth| Verb::Hold { nth }),
        1 => (0..9_usize).prop_map(|nth| Verb::Release { nth }),
        1 => (0..9_usize).prop_map(|nth| Verb::Withdraw { nth }),
        1 => Just(Verb::Append),
        1 => Just(Verb::Reopen),
    ]
}

/// A sent message in the model.
struct Sent {
    id: Digest,
    channel: usize,
    state: SentState,
    answered: bool,
    held: bool,
}

struct World {
    directory: TempDir,
    store: Option<Store>,
    lines: BTreeMap<(Direction, usize), Line>,
    sent: Vec<Sent>,
    leaves: u64,
    mailbox: u64,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Some(open(directory.path()));
        Self { directory, store, lines: BTreeMap::new(), sent: Vec::new(), leaves: 0, mailbox: 0 }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn apply(&mut self, verb: Verb) {
        match verb {
            Verb::Batch(batch) => self.batch(batch).await,
            Verb::Wrong { channel, way, how } => self.wrong(channel, way, how).await,
            Verb::Settle { nth, delivered } => self.settle(nth, delivered).await,
            Verb::Expire { nth } => self.expire(nth).await,
            Verb::Defer { nth, seconds } => {
                if let Some(sent) = self.sent.get(nth) {
                    let attempt = refused("CHN_02", later(seconds));
                    self.store().note_attempt(vec![sent.id], attempt).await.unwrap();
                }
            }
            Verb::Hold { nth } => self.hold(nth).await,
            Verb::Release { nth } => {
                let Some(sent) = self.sent.get_mut(nth) else { return };
                let released = self.store.as_ref().unwrap().release(sent.id, decision()).await.unwrap();
                let expected = if sent.held { Release::Done } else { Release::NotHeld(sent.state) };
                assert_eq!(released, expected);
                sent.held = false;
            }
            Verb::Withdraw { nth } => self.withdraw(nth).await,
            Verb::Append => {
                self.store().append_leaf(entry("administrative")).await.unwrap();
                self.leaves += 1;
            }
            Verb::Reopen => {
                self.store = None;
                self.store = Some(open(self.directory.path()));
            }
        }
    }

    fn line(&mut self, channel: usize, way: Way) -> &mut Line {
        let direction = if matches!(way, Way::Send) { Direction::Out } else { Direction::In };
        self.lines.entry((direction, channel)).or_insert_with(|| Line::on(CHANNELS[channel]))
    }

    async fn offer(&self, way: Way, message: Consignment) -> Custody {
        self.offer_all(vec![(way.purpose(), message)]).await.remove(0)
    }

    async fn offer_all(&self, batch: Vec<(Purpose, Consignment)>) -> Vec<Custody> {
        let prepared = self.store().prepare(batch).unwrap();
        self.store().admit_all(prepared, Footing::default()).await.unwrap().custodies
    }

    async fn batch(&mut self, batch: Vec<(usize, Way, u8)>) {
        let mut offered = Vec::new();
        for (channel, way, precedence) in batch {
            let message = Consignment { precedence, ..self.line(channel, way).next() };
            let (id, state) = (message.message_id, SentState::Queued);
            match way {
                Way::Send => self.sent.push(Sent { id, channel, state, answered: false, held: false }),
                Way::Receive => self.mailbox += 1,
                Way::Reject => {}
            }
            offered.push((way.purpose(), message));
        }
        let count = offered.len();
        let custodies = self.offer_all(offered).await;
        assert_eq!(custodies.len(), count);
        for custody in custodies {
            assert!(matches!(&custody, Custody::Taken(place) if place.index == self.leaves), "{custody:?}");
            self.leaves += 1;
        }
    }

    async fn wrong(&mut self, channel: usize, way: Way, how: Wrong) {
        let line = self.line(channel, way).clone();
        let mut message = line.peek("wrong");
        match how {
            Wrong::Again if line.sequence > 0 => {
                let mut before = Line::on(CHANNELS[channel]);
                message = std::iter::repeat_with(|| before.next()).nth(line.sequence as usize - 1).unwrap();
                let custody = self.offer(way, message).await;
                assert!(matches!(custody, Custody::AlreadyHeld { .. }), "{custody:?}");
            }
            Wrong::Other if line.sequence > 0 => {
                message.sequence = line.sequence;
                let custody = self.offer(way, message).await;
                assert_eq!(custody, Custody::Equivocation { held: line.last.unwrap() });
            }
            Wrong::PartMissing if !matches!(way, Way::Reject) => {
                message.parts.push(beside(b"never came"));
                let custody = self.offer(way, message).await;
                assert_eq!(custody, Custody::PartMissing(Digest::of(b"never came")));
            }
            _ => {
                message.sequence = line.sequence + 2;
                let custody = self.offer(way, message).await;
                let last = Custody::OutOfSequence { last_sequence: line.sequence, last_id: line.last };
                assert_eq!(custody, last);
            }
        }
    }

    async fn settle(&mut self, nth: usize, delivered: bool) {
        let Some(sent) = self.sent.get(nth) else { return };
        let settlement =
            if delivered { Settlement::Delivered } else { Settlement::Rejected("CHN_06".to_owned()) };
        let done = self.store().settle(sent.id, settlement, b"receipt".to_vec(), NOW).await.unwrap();
        let expected = if sent.answered { Settled::Already(sent.state) } else { Settled::Done };
        assert_eq!(done, expected);
        let sent = &mut self.sent[nth];
        if !sent.answered {
            sent.answered = true;
            sent.held = false;
            sent.state = match (delivered, sent.state) {
                (true, _) => SentState::Delivered,
                (false, state @ (SentState::Expired | SentState::Withdrawn)) => state,
                (false, _) => SentState::Rejected,
            };
        }
    }

    async fn expire(&mut self, nth: usize) {
        let Some(sent) = self.sent.get(nth) else { return };
        let (id, state) = (sent.id, sent.state);
        let expiry = self.store().expire(id, "CHN_06".to_owned(), entry("expired"), NOW).await.unwrap();
        if state == SentState::Queued {
            assert!(matches!(&expiry, Expiry::Done(place) if place.index == self.leaves), "{expiry:?}");
            self.leaves += 1;
            self.sent[nth].state = SentState::Expired;
        } else {
            assert_eq!(expiry, Expiry::Already(state));
        }
    }

    async fn hold(&mut self, nth: usize) {
        let Some(sent) = self.sent.get(nth) else { return };
        let held = self.store().hold(sent.id, true, decision()).await.unwrap();
        let behind = self.sent[nth + 1..].iter().filter(|other| other.channel == sent.channel).count() as u64;
        let expected = match sent {
            Sent { answered: true, state, .. } | Sent { state: state @ SentState::Withdrawn, .. } => {
                Holding::NotQueued(*state)
            }
            Sent { held: true, .. } => Holding::Already { behind },
            Sent { .. } => Holding::Done { behind },
        };
        assert_eq!(held, expected);
        self.sent[nth].held |= matches!(expected, Holding::Done { .. });
    }

    async fn withdraw(&mut self, nth: usize) {
        let Some(sent) = self.sent.get(nth) else { return };
        let done = self.store().withdraw(sent.id, entry("withdrawn"), decision()).await.unwrap();
        if sent.answered || sent.state == SentState::Withdrawn {
            assert_eq!(done, Withdrawal::Already(sent.state));
            return;
        }
        assert!(matches!(&done, Withdrawal::Done { place, .. } if place.index == self.leaves), "{done:?}");
        self.leaves += 1;
        self.sent[nth].state = SentState::Withdrawn;
        self.sent[nth].held = false;
    }

    async fn check(&self) {
        let store = self.store();
        for ((direction, channel), line) in &self.lines {
            let position = store.position(*direction, CHANNELS[*channel].to_owned(), peer()).await.unwrap();
            assert_eq!((position.sequence, position.message_id), (line.sequence, line.last));
        }
        let size = store.log_head(ORIGIN.to_owned()).await.unwrap().map_or(0, |head| head.size);
        assert_eq!(size, self.leaves);
        assert_eq!(store.leaves(ORIGIN.to_owned(), 0, 1000).await.unwrap().len() as u64, self.leaves);
        assert_eq!(store.waiting().await.unwrap(), self.mailbox);
        assert_eq!(store.verify().await.unwrap().damages, Vec::<String>::new());
        let states = store.sent(self.sent.iter().map(|sent| sent.id).collect()).await.unwrap();
        for (sent, model) in states.iter().zip(&self.sent) {
            assert_eq!(sent.as_ref().unwrap().state, model.state);
        }
        self.check_outbox().await;
    }

    /// Everything unanswered before the first held message of each channel is due once all pauses are over,
    /// never out of order within a channel; and the totals are those of the rows.
    async fn check_outbox(&self) {
        let due = self.store().due(peer(), later(9), 1000, BTreeMap::new()).await.unwrap();
        let front = |channel: usize| {
            let waits = self.sent.iter().filter(move |sent| sent.channel == channel && !sent.answered);
            waits.take_while(|sent| !sent.held).count()
        };
        assert_eq!(due.len(), (0..CHANNELS.len()).map(front).sum::<usize>());
        for item in &due {
            let sent = self.sent.iter().find(|sent| sent.id == item.message_id).unwrap();
            assert_eq!(item.withdrawn, sent.state == SentState::Withdrawn);
            assert_eq!(item.parts.is_empty(), item.withdrawn);
        }
        let count = |counts: fn(&Sent) -> bool| self.sent.iter().filter(|sent| counts(sent)).count() as u64;
        let queue = self.store().queues().await.unwrap().pop();
        let totals = queue.map_or((0, 0), |queue| (queue.queued, queue.held));
        assert_eq!(totals, (count(|sent| !sent.answered), count(|sent| sent.held)));
        for channel in CHANNELS {
            let numbers: Vec<u64> =
                due.iter().filter(|item| item.channel == channel).map(|item| item.sequence).collect();
            assert!(numbers.is_sorted(), "{channel}: {numbers:?}");
        }
        for limit in 0..=due.len() {
            let some = self.store().due(peer(), later(9), limit, BTreeMap::new()).await.unwrap();
            assert_eq!(some, due[..limit], "a smaller limit is the beginning of a greater one");
        }
    }
}

fn decision() -> Decision {
    Decision { time: NOW, operator: 0, reason: String::new(), act: None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_sequences_gapless_and_logs_as_long_as_their_leaves(
        verbs in prop::collection::vec(verb(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for verb in verbs {
                world.apply(verb).await;
            }
            world.check().await;
        });
    }
}

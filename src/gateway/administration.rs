//! The log of the own administration: every act of an operator, of the registry and of the gateway about itself, and
//! what desks of the own ministry say was done to them.
//!
//! It is nobody's mirror, so no hello vouches for it and no `Permit` of a pair is needed: an act needs the
//! `ActPermit` that only this file hands out. Leaves enter in the commit of their effect or before it. What must never
//! happen: a leaf in a log of which this host has seen more leaves than are held. Such a log is told of and left as it
//! is, and the next one stands behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use crate::digest::Digest;
use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::standing::hold;
use crate::gateway::store::record::{ADMINISTRATION_ALARM, LeafPlace, LogEntry, OwnLog};
use crate::limits;
use crate::message::administration::{Actor, AdministrativeAct, AdministrativeLeaf, AdministrativeVerb};
use crate::time::Timestamp;
use crate::tlog::signed_note::Note;
use crate::tlog::tlog_proof::TlogProof;
use crate::trust::name::Ministry;

/// What is known of the log of the own administration.
#[derive(Debug, Default)]
pub(super) struct Administration {
    /// The log that takes leaves, with its year; nobody else appends while it is held.
    open: Arc<tokio::sync::Mutex<Option<(i16, String)>>>,
    /// Logs to which nothing may be added, and why: more of their leaves may have been signed than are held.
    closed: Mutex<BTreeMap<String, &'static str>>,
}

/// Leave to write acts. While it is held, nobody else writes any.
#[derive(Debug)]
pub(super) struct ActPermit {
    own: Ministry,
    origin: String,
    now: Timestamp,
    _held: OwnedMutexGuard<Option<(i16, String)>>,
}

impl ActPermit {
    /// A leaf for the log.
    pub(super) fn entry(&self, act: AdministrativeAct) -> LogEntry {
        let leaf = AdministrativeLeaf { act, time: self.now }.bytes();
        LogEntry { origin: self.origin.clone(), peer: self.own.clone(), leaf }
    }
}

/// A page of the administrative log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActPage {
    /// Origin of the log; empty where there is none yet.
    pub origin: String,
    /// Number of its leaves.
    pub size: u64,
    /// Index of the first leaf of the page.
    pub first_index: u64,
    /// Exact bytes of each leaf.
    pub leaves: Vec<Vec<u8>>,
}

/// Which part of the administrative log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActRange {
    /// From this index on.
    From(u64),
    /// The newest.
    Newest(usize),
}

impl Gateway {
    /// Writes one act into the administrative log, durable on return: before its effect, where both cannot share a
    /// commit. Answers where its leaf stands.
    pub async fn record_act(&self, act: AdministrativeAct) -> Result<LeafPlace, Fault> {
        let permit = self.act_permit().await?;
        Ok(self.store.append_leaf(permit.entry(act)).await?)
    }

    /// Writes what a desk of the own ministry says was done there, with the root of the record that it keeps. Answers
    /// the leaf and the proof that it is in the log.
    pub async fn record_act_of_desk(
        &self,
        act: AdministrativeAct,
        root: Digest,
    ) -> Result<(Vec<u8>, TlogProof), Fault> {
        let act = AdministrativeAct { who: Actor::Desk, concerns: Some(root), ..act };
        let place = self.record_act(act).await?;
        let proven = self.prove_act(Some(place.origin.clone()), place.index).await?;
        proven.ok_or_else(|| Fault::Damaged(format!("leaf {} of {}", place.index, place.origin)))
    }

    /// Writes an act of the gateway about itself, which goes on whether or not it can be written.
    pub(super) async fn record_own_act(&self, verb: AdministrativeVerb) {
        if let Err(fault) = self.record_act(AdministrativeAct::new(verb, Actor::Gateway)).await {
            tracing::warn!(%fault, verb = verb.word(), "the administrative log could not take an entry");
        }
    }

    /// Leave to write acts, in the log of the year of the clock.
    pub(super) async fn act_permit(&self) -> Result<ActPermit, Fault> {
        let mut open = self.administration.open.clone().lock_owned().await;
        let (own, now) = (self.config.ministry.clone(), self.clock.now());
        let known = open.as_ref().filter(|(year, _)| now.year() <= *year).map(|(_, origin)| origin.clone());
        let origin = match known {
            Some(origin) => origin,
            None => {
                let (year, origin) = self.open_administration(now).await?;
                *open = Some((year, origin.clone()));
                origin
            }
        };
        Ok(ActPermit { own, origin, now, _held: open })
    }

    /// The log that takes leaves at `now`. One that follows another begins with the checkpoint that closes it; a clock
    /// that was turned back does not lead back into a closed log.
    async fn open_administration(&self, now: Timestamp) -> Result<(i16, String), Fault> {
        let (own, domain) = (&self.config.ministry, &self.config.domain);
        // What was written before under another permit is counted too.
        self.store.barrier().await?;
        let newest = self.store.own_logs(Some(own.clone())).await?.pop();
        let closed = hold(&self.administration.closed).clone();
        let held = newest.as_ref().and_then(|log| domain.administration_year(&log.origin));
        let seen = closed.keys().filter_map(|origin| domain.administration_year(origin));
        let greatest = held.into_iter().chain(seen).max();
        let name = |(year, part)| domain.administration_origin(year, part);
        let why = greatest.and_then(|greatest| closed.get(&name(greatest)).copied());
        let (year, part) = match greatest {
            Some((year, part)) if year >= now.year() => (year, part.saturating_add(u16::from(why.is_some()))),
            _ => (now.year(), 1),
        };
        let origin = name((year, part));
        match newest {
            Some(log) if log.origin == origin => {}
            None if why.is_none() => {}
            before => self.begin_behind(before, &origin, why.unwrap_or_default(), now).await?,
        }
        Ok((year, origin))
    }

    /// Begins a log with the leaf that names the checkpoint of the one before it, as far as that is held.
    async fn begin_behind(
        &self,
        before: Option<OwnLog>,
        origin: &str,
        why: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let mut act = AdministrativeAct::new(AdministrativeVerb::Opened, Actor::Gateway).because(why);
        let entry = |act| LogEntry {
            origin: origin.to_owned(),
            peer: self.config.ministry.clone(),
            leaf: AdministrativeLeaf { act, time: now }.bytes(),
        };
        let Some(before) = before else {
            self.store.append_leaf(entry(act)).await?;
            return Ok(());
        };
        let closing = self.checkpoint(&before.origin).await?;
        act = act.concerning(Digest::of(closing.text.as_bytes()));
        // Only whoever holds the permit appends, so nothing came between.
        let opened = self.store.open_year(entry(act), before.origin, closing.size).await?;
        if opened { Ok(()) } else { Err(Fault::Damaged(format!("the log {origin} cannot be begun"))) }
    }

    /// Takes up the administrative logs after a start. `lost` names those of which this host has seen more leaves than
    /// are held. The newest that is held is gone on with only where the mark of this home, of whatever run of the host,
    /// `remembered` it: a home that was restored has no mark. From now on the mark vouches for all of them.
    pub(super) async fn resume_administration(
        &self,
        lost: &BTreeMap<String, u64>,
        remembered: &BTreeMap<String, u64>,
    ) -> Result<(), Fault> {
        let (own, domain) = (&self.config.ministry, &self.config.domain);
        let newest = self.store.own_logs(Some(own.clone())).await?.pop();
        let of_ours = lost.iter().filter(|(origin, _)| domain.administration_year(origin).is_some());
        let lost: BTreeMap<&String, &u64> = of_ours.collect();
        // Behind a log that stands behind it, the loss was told of.
        let is_news = |origin: &String| newest.as_ref().is_none_or(|log| log.origin <= *origin);
        if let Some((origin, size)) = lost.last_key_value().filter(|(origin, _)| is_news(origin)) {
            let detail = format!(
                "this host has seen {size} leaves of {origin} signed, more than the store holds: nobody else has them, \
                 and the next log stands behind it"
            );
            // A gateway whose disk is full must start all the same.
            if let Err(cause) = self.alarm_about(own, ADMINISTRATION_ALARM, detail.clone()).await {
                tracing::error!(%cause, "{detail}");
            }
        }
        let mut closed: BTreeMap<String, &str> =
            lost.into_keys().map(|origin| (origin.clone(), ROLLED_BACK)).collect();
        if let Some(log) = newest.filter(|log| !remembered.contains_key(&log.origin)) {
            closed.insert(log.origin, UNVOUCHED);
        }
        *hold(&self.administration.closed) = closed;
        self.store.confirm(own.clone()).await?;
        Ok(())
    }

    /// A page of the administrative log `origin`, or of the newest.
    pub async fn acts(&self, origin: Option<String>, range: ActRange) -> Result<ActPage, Fault> {
        let logs = self.store.own_logs(Some(self.config.ministry.clone())).await?;
        let mut logs =
            logs.into_iter().filter(|log| origin.as_ref().is_none_or(|named| *named == log.origin));
        let Some(log) = logs.next_back() else {
            let none =
                ActPage { origin: origin.unwrap_or_default(), size: 0, first_index: 0, leaves: Vec::new() };
            return Ok(none);
        };
        let most = limits::ACTS_PAGE_MAX;
        let first_index = match range {
            ActRange::From(index) => index,
            ActRange::Newest(count) => log.size.saturating_sub(count.min(most) as u64),
        };
        let leaves = self.store.leaves(log.origin.clone(), first_index, most).await?;
        let leaves = leaves.into_iter().map(|leaf| leaf.bytes).collect();
        Ok(ActPage { origin: log.origin, size: log.size, first_index, leaves })
    }

    /// An act with the proof that the administrative log `origin`, or the newest, holds it; none where it does not.
    pub async fn prove_act(
        &self,
        origin: Option<String>,
        index: u64,
    ) -> Result<Option<(Vec<u8>, TlogProof)>, Fault> {
        let page = self.acts(origin, ActRange::From(index)).await?;
        let Some(leaf) = page.leaves.into_iter().next() else { return Ok(None) };
        let checkpoint = self.checkpoint(&page.origin).await?;
        let place = LeafPlace { origin: page.origin.clone(), index };
        let path = self.store.inclusion(place, checkpoint.size).await?;
        let path = path.ok_or_else(|| Fault::Damaged(format!("leaf {index} of {}", page.origin)))?;
        let checkpoint = Note::parse(&checkpoint.text).map_err(|cause| Fault::Damaged(cause.to_string()))?;
        Ok(Some((leaf, TlogProof { extra: Vec::new(), index, path, checkpoint })))
    }
}

/// Why a log stands behind another of its year: this host has seen more leaves of that one than are held.
const ROLLED_BACK: &str = "ROLLED_BACK";
/// Why a log stands behind another of its year: nothing on this host remembers how far that one went.
const UNVOUCHED: &str = "UNVOUCHED";

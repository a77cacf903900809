//! Quotas: how much of a listener one visitor may take.
//!
//! A key enters, a slot leaves or nothing does; the slot gives its place back when it is dropped. Strangers
//! cannot fill a listener: a part of the places is kept for sources that were believed before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::trust::name::Ministry;

/// Places in all, and places of one key.
#[derive(Debug)]
pub struct Quota<K: Ord + Clone> {
    total_max: usize,
    each_max: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    total: usize,
    each: BTreeMap<K, usize>,
}

impl<K: Ord + Clone> Quota<K> {
    /// So many places in all, and so many of one key.
    pub fn new(total_max: usize, each_max: usize) -> Arc<Self> {
        let taken = Mutex::new(Taken { total: 0, each: BTreeMap::new() });
        Arc::new(Self { total_max, each_max, taken })
    }

    /// Takes a place for `key`, leaving `reserve` places to others.
    pub fn admit(self: &Arc<Self>, key: K, reserve: usize) -> Option<Slot<K>> {
        let mut taken = self.taken();
        if taken.total >= self.total_max.saturating_sub(reserve) {
            return None;
        }
        let of_key = taken.each.entry(key.clone()).or_insert(0);
        if *of_key >= self.each_max {
            return None;
        }
        *of_key = of_key.saturating_add(1);
        taken.total = taken.total.saturating_add(1);
        Some(Slot { quota: self.clone(), key })
    }

    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place taken; dropping it gives it back.
#[derive(Debug)]
pub struct Slot<K: Ord + Clone> {
    quota: Arc<Quota<K>>,
    key: K,
}

impl<K: Ord + Clone> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.quota.taken();
        taken.total = taken.total.saturating_sub(1);
        if let Some(of_key) = taken.each.get_mut(&self.key) {
            *of_key = of_key.saturating_sub(1);
            if *of_key == 0 {
                taken.each.remove(&self.key);
            }
        }
    }
}

/// Where a connection comes from: an IPv4 address, or the /64 network that one IPv6 host commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin(IpAddr);

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        })
    }
}

/// Origins for which places are reserved, each with the ministries it is known by: the last ones from which somebody
/// was believed, which a stranger cannot push out nor another ministry, and those where accredited peers announce to
/// be. Clones share what they know.
#[derive(Debug, Clone)]
pub struct KnownOrigins {
    most_each: usize,
    origins: Arc<Mutex<BTreeMap<Ministry, Origins>>>,
}

#[derive(Debug, Default)]
struct Origins {
    believed: VecDeque<Origin>,
    announced: BTreeSet<Origin>,
}

impl KnownOrigins {
    /// As many of each ministry.
    pub(crate) fn new(most_each: usize) -> Self {
        Self { most_each, origins: Arc::default() }
    }

    /// Who is known to come from there: several behind one address, or whoever announces that of another.
    pub(super) fn ministries(&self, origin: Origin) -> Vec<Ministry> {
        let origins = self.origins();
        let known = |of: &Origins| of.announced.contains(&origin) || of.believed.contains(&origin);
        origins.iter().filter(|(_, of)| known(of)).map(|(ministry, _)| ministry.clone()).collect()
    }

    /// Remembers an origin from which somebody of a ministry was believed, and forgets the one of that ministry that
    /// was believed least recently.
    pub(super) fn remember(&self, ministry: &Ministry, origin: Origin) {
        let mut origins = self.origins();
        let believed = &mut origins.entry(ministry.clone()).or_default().believed;
        believed.retain(|known| *known != origin);
        believed.push_back(origin);
        if believed.len() > self.most_each {
            believed.pop_front();
        }
    }

    /// Replaces the addresses where a peer announces to be: after a restart nobody has been believed yet. An
    /// address only reserves a place for a handshake; it believes nobody.
    pub fn announce(&self, ministry: &Ministry, addresses: impl IntoIterator<Item = IpAddr>) {
        let announced = addresses.into_iter().map(Origin::of).collect();
        self.origins().entry(ministry.clone()).or_default().announced = announced;
    }

    /// Forgets everybody else.
    pub fn retain(&self, stays: impl Fn(&Ministry) -> bool) {
        self.origins().retain(|ministry, _| stays(ministry));
    }

    fn origins(&self) -> MutexGuard<'_, BTreeMap<Ministry, Origins>> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_the_share_of_one_and_places_come_back() {
        let quota = Quota::new(3, 2);
        let first = quota.admit("a", 0).unwrap();
        let _second = quota.admit("a", 0).unwrap();
        assert!(quota.admit("a", 0).is_none());
        let _third = quota.admit("b", 0).unwrap();
        assert!(quota.admit("c", 0).is_none());
        drop(first);
        assert!(quota.admit("c", 0).is_some());
    }

    #[test]
    fn the_reserve_stays_free() {
        let quota = Quota::new(3, 3);
        let _first = quota.admit("stranger", 2).unwrap();
        assert!(quota.admit("stranger", 2).is_none());
        assert!(quota.admit("known", 0).is_some());
    }

    #[test]
    fn a_refused_key_leaves_no_trace() {
        let quota = Quota::new(1, 1);
        drop(quota.admit("a", 0));
        drop(quota.admit("b", 1));
        assert!(quota.taken().each.is_empty());
    }

    #[test]
    fn one_ipv6_network_is_one_origin_and_mapped_addresses_are_ipv4() {
        let origin = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }

    fn somebody(code: &str) -> Ministry {
        Ministry::parse(code).unwrap()
    }

    #[test]
    fn only_the_last_believed_origins_of_a_ministry_are_remembered_and_it_pushes_out_no_others() {
        let (known, xa, xb) = (KnownOrigins::new(2), somebody("XA"), somebody("XB"));
        let [a, b, c] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| Origin::of(text.parse().unwrap()));
        known.remember(&xb, b);
        for origin in [a, b, a, c] {
            known.remember(&xa, origin);
        }
        assert_eq!((known.ministries(a), known.ministries(c)), (vec![xa.clone()], vec![xa.clone()]));
        assert_eq!(known.ministries(b), std::slice::from_ref(&xb));
        known.retain(|ministry| *ministry == xb);
        assert_eq!((known.ministries(a), known.ministries(b)), (vec![], vec![xb]));
    }

    #[test]
    fn announced_origins_are_known_until_others_are_announced() {
        let (known, xa, xb) = (KnownOrigins::new(1), somebody("XA"), somebody("XB"));
        let [a, b, c]: [IpAddr; 3] =
            ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|text| text.parse().unwrap());
        known.announce(&xa, [a, b]);
        known.announce(&xb, [b]);
        known.remember(&xa, Origin::of(c));
        assert!([a, b, c].iter().all(|address| known.ministries(Origin::of(*address)).contains(&xa)));
        assert_eq!(known.ministries(Origin::of(b)), [xa.clone(), xb.clone()]);
        known.announce(&xa, [a]);
        assert_eq!(known.ministries(Origin::of(b)), [xb]);
        assert_eq!(known.ministries(Origin::of(a)), std::slice::from_ref(&xa));
        assert_eq!(known.ministries(Origin::of(c)), [xa]);
    }
}

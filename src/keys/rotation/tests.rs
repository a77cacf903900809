//! Every kind of key, rotated, given up, refused, and cut short before each of its steps.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::entropy::SystemEntropy;
use crate::keys::file::{self, FileSigner};
use crate::keys::generate;
use crate::keys::home::desk::{DeskHome, DeskPlan};
use crate::keys::home::gateway::{GatewayHome, GatewayPlan};
use crate::keys::home::make_directory;
use crate::keys::home::publication::Publication;
use crate::keys::ministry::{Application, Founding, MinistryHome};
use crate::keys::open_reading_key;
use crate::keys::request::certificate_request;
use crate::trust::endpoint::Endpoint;
use crate::trust::name::{Authority, Domain, Label, Ministry, Name};

const NOW: Timestamp = Timestamp::from_seconds(1_795_000_000);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// More steps than any rotation has.
const STEPS_MAX: usize = 12;
/// One of each kind, for tests that rotate it again and again.
const KINDS: [&str; 3] = ["transport", "log", "reading"];
const KEYS: [&str; 7] = ["transport", "log", "cosigner", "registry", "access", "offices/seal", "reading"];

thread_local! {
    static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Refuses the step at which this thread is to be cut short, and every one after it.
pub(super) fn cut() -> Result<(), KeyError> {
    match LEFT.get() {
        None => Ok(()),
        Some(0) => Err(KeyError::Io { path: "cut".into(), source: std::io::ErrorKind::Interrupted.into() }),
        Some(left) => {
            LEFT.set(Some(left - 1));
            Ok(())
        }
    }
}

/// Does `work`, which a crash cuts short after so many steps; whether it came to its end.
fn cut_after(steps: usize, work: impl FnOnce() -> Result<(), RotationRefusal>) -> bool {
    LEFT.set(Some(steps));
    let done = work();
    LEFT.set(None);
    match done {
        Ok(()) => true,
        Err(RotationRefusal::Home(crate::keys::ministry::HomeError::Key(KeyError::Io { .. }))) => false,
        Err(other) => panic!("{other}"),
    }
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse").unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            make_directory(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A ministry with one gateway and one desk.
struct Place {
    folder: TempDir,
    root: MinistryHome,
}

fn ministry(folder: &Path, code: &str) -> MinistryHome {
    let founding = Founding {
        ministry: Ministry::parse(code).unwrap(),
        display_name: code.to_owned(),
        domain: Domain::parse("mfa.xa.example").unwrap(),
    };
    MinistryHome::found(folder, founding, &passphrase(), NOW, &SystemEntropy).unwrap()
}

impl Place {
    /// A copy of what was founded once: deriving keys from passphrases takes most of the time that founding takes.
    fn new() -> Self {
        static MOULD: OnceLock<TempDir> = OnceLock::new();
        let mould = MOULD.get_or_init(Self::found);
        let folder = tempfile::tempdir().unwrap();
        copy(mould.path(), folder.path());
        let root = MinistryHome::open(&folder.path().join("root"), &passphrase()).unwrap();
        Self { folder, root }
    }

    fn found() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let root = ministry(&folder.path().join("root"), "XA");
        let (ministry, domain) = (root.founding().ministry.clone(), root.founding().domain.clone());
        let gateway = GatewayPlan {
            ministry: ministry.clone(),
            domain: domain.clone(),
            relay_listen: "127.0.0.1:0".to_owned(),
            mailbox_listen: "127.0.0.1:0".to_owned(),
            endpoints: vec![Endpoint::parse("gateway.mfa.xa.example:7443").unwrap()],
        };
        let desk = DeskPlan {
            ministry,
            domain,
            label: Label::parse("main").unwrap(),
            gateway: "127.0.0.1:7102".to_owned(),
            offices: [(Label::parse("seal").unwrap(), [Authority::Seal].into())].into(),
        };
        GatewayHome::at(&folder.path().join("gateway")).found(&gateway, &SystemEntropy).unwrap();
        DeskHome::at(&folder.path().join("desk")).found(&desk, &passphrase(), &SystemEntropy).unwrap();
        for home in ["gateway", "desk"].map(|home| folder.path().join(home)) {
            Enrolment::read(&home).unwrap().enrol(&home, &root, false, NOW, &SystemEntropy).unwrap();
        }
        folder
    }

    fn gateway(&self) -> GatewayHome {
        GatewayHome::at(&self.folder.path().join("gateway"))
    }

    fn desk(&self) -> DeskHome {
        DeskHome::at(&self.folder.path().join("desk"))
    }

    fn rotation(&self, key: &str) -> Rotation {
        let gateway = self.gateway();
        let home = if ["transport", "log", "cosigner"].contains(&key) {
            gateway.directory().to_owned()
        } else {
            self.desk().directory().to_owned()
        };
        Rotation::of(&home, key).unwrap()
    }

    fn begin(&self, key: &str) -> Result<Begun, RotationRefusal> {
        self.rotation(key).begin(Some(&passphrase()), NOW, &SystemEntropy)
    }

    /// A chain for a request of this key: the next one, or the one in use.
    fn certified(&self, key: &str, ending: &str) -> String {
        let rotation = self.rotation(key);
        let Rotatable::Certified(requested) = rotation.key().clone() else { panic!("{key}") };
        let request = std::fs::read_to_string(requested.place(&rotation.home, ending)).unwrap();
        self.issued(&self.root, request, requested.name, requested.authorities, DAY)
    }

    fn issued(
        &self,
        root: &MinistryHome,
        request: String,
        name: Name,
        authorities: BTreeSet<Authority>,
        valid_for: Duration,
    ) -> String {
        let application = Application { request, name, authorities, valid_for };
        root.certify(&application, NOW, &SystemEntropy).unwrap()
    }

    fn install(&self, key: &str, chain: &str, now: Timestamp) -> Result<(), RotationRefusal> {
        self.rotation(key).install(chain.as_bytes(), Some(&passphrase()), now)
    }

    /// Puts the next key in use, with its certificate where it needs one.
    fn complete(&self, key: &str, chain: Option<&String>) -> Result<(), RotationRefusal> {
        match chain {
            Some(chain) => self.install(key, chain, NOW),
            None => self.rotation(key).complete(NOW),
        }
    }

    /// Whoever signs, serves or reads with the key can do so; what the next bundle announces of it.
    fn require_usable(&self, key: &str) -> Vec<String> {
        let publication =
            Publication { gateway: self.gateway(), desks: vec![self.desk()], valid_for: 90 * DAY };
        let rotation = self.rotation(key);
        match rotation.key() {
            Rotatable::Certified(requested) => {
                let place = |ending| requested.place(&rotation.home, ending);
                if rotation.is_protected() {
                    FileSigner::open(&place("key"), &place("pem"), &passphrase()).unwrap();
                } else {
                    let chain = file::read_certificates(&place("pem")).unwrap();
                    let is_for = |key: &Path| {
                        let opened = file::open_plain(key).map_err(|_| ())?;
                        let fits = file::certified_key(&chain[0]).as_deref() == Some(opened.public_key());
                        fits.then_some(()).ok_or(())
                    };
                    file::with_next(&place("key"), |()| true, is_for).unwrap();
                }
                Vec::new()
            }
            Rotatable::Note(KeyKind::Log) => publication.log_keys().unwrap(),
            Rotatable::Note(KeyKind::Cosigner) => publication.cosigner_keys().unwrap(),
            Rotatable::Reading => {
                let desk = self.desk();
                let mut places = vec![desk.reading_key(), next_of(&desk.reading_key())];
                if let Ok(entries) = fs::read_dir(desk.retired_keys()) {
                    places.extend(entries.map(|entry| entry.unwrap().path()));
                }
                let there = places.iter().filter(|path| path.exists());
                let opened = there.map(|path| open_reading_key(path, &passphrase()).unwrap());
                let held: BTreeSet<String> = opened.map(|key| key.recipient().to_string()).collect();
                let announced = publication.reading_keys().unwrap();
                assert!(announced.iter().all(|key| held.contains(key)), "a secret is gone");
                announced
            }
        }
    }
}

#[test]
fn every_key_is_rotated_and_the_next_bundles_announce_the_next_the_both_and_the_new_one_alone() {
    let place = Place::new();
    for key in KEYS {
        let rotation = place.rotation(key);
        let (before, announced) = (rotation.id().unwrap().unwrap(), place.require_usable(key));
        assert_eq!(rotation.phase().unwrap(), Phase::Steady);
        let begun = place.begin(key).unwrap();
        assert_eq!(rotation.phase().unwrap(), Phase::Begun(begun.id.clone()), "{key}");
        assert_eq!(rotation.id().unwrap().unwrap(), before, "the one in use stays in use");
        let both = place.require_usable(key);
        let chain = begun.request.is_some().then(|| place.certified(key, "csr.next"));
        place.complete(key, chain.as_ref()).unwrap();
        assert_eq!(rotation.phase().unwrap(), Phase::Steady, "{key}");
        assert_eq!(rotation.id().unwrap().unwrap(), begun.id, "{key}");
        let after = place.require_usable(key);
        if let Some(public) = begun.public {
            assert_eq!(both, [announced[0].clone(), public.clone()], "{key}");
            assert_eq!(after, [public]);
        }
        let deeds: Vec<_> = history::read(&rotation.home).unwrap();
        let deeds = deeds.iter().filter(|entry| entry.key == rotation.key().stem());
        let deeds: Vec<_> = deeds.map(|entry| (entry.deed, entry.id.clone(), entry.time)).collect();
        assert_eq!(deeds, [(Deed::Begun, begun.id.clone(), NOW), (Deed::Completed, begun.id, NOW)]);
        let names = fs::read_dir(rotation.home.join("keys")).unwrap();
        let left =
            names.filter(|name| name.as_ref().unwrap().path().extension().is_some_and(|one| one == "next"));
        assert_eq!(left.count(), 0, "{key}");
    }
    assert_eq!(
        fs::read_dir(place.desk().retired_keys()).unwrap().count(),
        1,
        "the reading key alone is kept"
    );
}

#[test]
fn a_rotation_that_is_cut_short_before_any_step_leaves_one_usable_key_and_is_gone_on_with() {
    for key in KINDS {
        for steps in 0..STEPS_MAX {
            let place = Place::new();
            let begun = cut_after(steps, || place.begin(key).map(drop));
            place.require_usable(key);
            if !begun {
                match place.rotation(key).phase().unwrap() {
                    // Only the line of the history is missing.
                    Phase::Begun(_) => {}
                    Phase::Steady | Phase::Unfinished => drop(place.begin(key).unwrap()),
                    Phase::Switching => panic!("{key} {steps}"),
                }
            }
            let Phase::Begun(next) = place.rotation(key).phase().unwrap() else { panic!("{key} {steps}") };
            let is_certified = matches!(place.rotation(key).key(), Rotatable::Certified(_));
            let chain = is_certified.then(|| place.certified(key, "csr.next"));
            let completed = cut_after(steps, || place.complete(key, chain.as_ref()));
            place.require_usable(key);
            if !completed && place.rotation(key).phase().unwrap() != Phase::Steady {
                place.complete(key, chain.as_ref()).unwrap();
            }
            place.require_usable(key);
            assert_eq!(place.rotation(key).phase().unwrap(), Phase::Steady, "{key} {steps}");
            assert_eq!(place.rotation(key).id().unwrap(), Some(next), "{key} {steps}");
            if begun && completed {
                assert!(steps > 2, "{key} was never cut short");
                break;
            }
            assert!(steps + 1 < STEPS_MAX, "{key}");
        }
    }
}

#[test]
fn what_was_begun_can_be_given_up_and_begun_anew_wherever_it_was_cut_short() {
    for key in KINDS {
        for steps in 0..STEPS_MAX {
            let place = Place::new();
            let before = place.rotation(key).id().unwrap();
            cut_after(steps, || place.begin(key).map(drop));
            if place.rotation(key).phase().unwrap() != Phase::Steady {
                let abandoned = cut_after(steps, || place.rotation(key).abandon(NOW));
                place.require_usable(key);
                if place.rotation(key).phase().unwrap() != Phase::Steady {
                    place.rotation(key).abandon(NOW).unwrap();
                }
                assert_eq!(place.rotation(key).phase().unwrap(), Phase::Steady, "{key} {steps}");
                assert_eq!(place.rotation(key).id().unwrap(), before, "{key} {steps}");
                place.require_usable(key);
                place.begin(key).unwrap();
                if abandoned && steps > 2 {
                    break;
                }
            }
            assert!(steps + 1 < STEPS_MAX, "{key}");
        }
    }
}

#[test]
fn a_certificate_of_another_key_name_issuer_or_time_is_refused_and_changes_nothing() {
    let place = Place::new();
    let folder = place.folder.path();
    let reason = |chain: &str, now| place.install("registry", chain, now).unwrap_err().reason();
    let renewed = place.certified("registry", "csr");
    assert_eq!(reason(&renewed, NOW), "ROTATION_NOT_BEGUN", "for a key that was not rotated");
    place.begin("registry").unwrap();
    let chain_file = folder.join("desk/keys/registry.pem");
    let before = fs::read(&chain_file).unwrap();
    let name = Name::parse("chancery://XA/registry").unwrap();
    let may: BTreeSet<Authority> = [Authority::Register, Authority::Receipt].into();
    let request = || fs::read_to_string(folder.join("desk/keys/registry.csr.next")).unwrap();
    let good = place.certified("registry", "csr.next");
    assert_eq!(reason(&renewed, NOW), "ROTATION_OTHER_KEY", "the key in use");
    let stranger = generate::signing_key().unwrap();
    let stranger = certificate_request(&stranger, &name).unwrap();
    let stranger = place.issued(&place.root, stranger, name.clone(), may.clone(), DAY);
    assert_eq!(reason(&stranger, NOW), "ROTATION_OTHER_KEY");
    place.begin("offices/seal").unwrap();
    assert_eq!(reason(&place.certified("offices/seal", "csr.next"), NOW), "ROTATION_OTHER_NAME");
    let less = place.issued(&place.root, request(), name.clone(), [Authority::Register].into(), DAY);
    assert_eq!(reason(&less, NOW), "ROTATION_OTHER_AUTHORITIES");
    let usurper = ministry(&folder.join("usurper"), "XA");
    let usurped = place.issued(&usurper, request(), name.clone(), may, DAY);
    assert_eq!(reason(&usurped, NOW), "ROTATION_OTHER_ISSUER");
    // Under the right authority's certificate, but not signed by it.
    let leaf = |chain: &str| chain.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().to_owned();
    let above = good.strip_prefix(&leaf(&good)).unwrap();
    assert_eq!(reason(&format!("{}{above}", leaf(&usurped)), NOW), "CERTIFICATE_UNTRUSTED");
    assert_eq!(reason(&leaf(&good), NOW), "ROTATION_OTHER_ISSUER", "a chain without its authority");
    assert_eq!(reason(&good, NOW.after(2 * DAY)), "CERTIFICATE_EXPIRED");
    assert_eq!(reason(&good, NOW.before(2 * DAY)), "CERTIFICATE_NOT_YET_VALID");
    assert_eq!(reason("no chain", NOW), "CERTIFICATE_UNREADABLE");
    let wrong = Passphrase::new("another horse").unwrap();
    let wrong = place.rotation("registry").install(good.as_bytes(), Some(&wrong), NOW).unwrap_err();
    assert_eq!(wrong.reason(), "KEY_WRONG_PASSPHRASE");
    assert_eq!(fs::read(&chain_file).unwrap(), before);
    assert!(matches!(place.rotation("registry").phase().unwrap(), Phase::Begun(_)));
    place.install("registry", &good, NOW).unwrap();
    assert_eq!(reason(&good, NOW), "ROTATION_NOT_BEGUN", "twice");
}

#[test]
fn a_rotation_is_begun_once_and_only_by_who_opens_the_key_in_use() {
    let place = Place::new();
    for key in ["registry", "access", "reading"] {
        let wrong = Passphrase::new("another horse").unwrap();
        let refused = place.rotation(key).begin(Some(&wrong), NOW, &SystemEntropy).unwrap_err();
        assert_eq!(refused.reason(), "KEY_WRONG_PASSPHRASE", "{key}");
        let refused = place.rotation(key).begin(None, NOW, &SystemEntropy).unwrap_err();
        assert_eq!(refused.reason(), "KEY_PROTECTED", "{key}");
    }
    for key in KEYS {
        assert_eq!(place.rotation(key).complete(NOW).unwrap_err().reason(), "ROTATION_NOT_BEGUN");
        assert_eq!(place.rotation(key).abandon(NOW).unwrap_err().reason(), "ROTATION_NOT_BEGUN");
        let begun = place.begin(key).unwrap();
        assert_eq!(place.begin(key).unwrap_err().reason(), "ROTATION_BEGUN", "{key}");
        assert_eq!(place.rotation(key).phase().unwrap(), Phase::Begun(begun.id), "{key}");
    }
    assert_eq!(place.rotation("registry").complete(NOW).unwrap_err().reason(), "ROTATION_NEEDS_CERTIFICATE");
    assert_eq!(place.install("log", "", NOW).unwrap_err().reason(), "ROTATION_NEEDS_NO_CERTIFICATE");
    let unknown = Rotation::of(place.desk().directory(), "log").unwrap_err();
    assert_eq!(unknown.reason(), "KEY_UNKNOWN", "a desk keeps no log");
    let fresh = Place::new();
    fs::remove_file(fresh.folder.path().join("gateway/keys/transport.pem")).unwrap();
    assert_eq!(fresh.begin("transport").unwrap_err().reason(), "ROTATION_NEVER_CERTIFIED");
}

#[test]
fn whoever_enrols_in_the_midst_of_a_switch_certifies_the_key_in_use() {
    for steps in 0..STEPS_MAX {
        let place = Place::new();
        place.begin("transport").unwrap();
        let chain = place.certified("transport", "csr.next");
        let done = cut_after(steps, || place.install("transport", &chain, NOW));
        let home = place.gateway();
        let home = home.directory();
        Enrolment::read(home).unwrap().enrol(home, &place.root, true, NOW, &SystemEntropy).unwrap();
        place.require_usable("transport");
        if done {
            return;
        }
    }
    panic!("it was never done");
}

#[test]
fn two_keys_that_are_rotated_at_once_are_both_announced() {
    let place = Place::new();
    let both = |work: &(dyn Fn(Rotation) + Sync)| {
        let together = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for key in ["log", "cosigner"] {
                let (rotation, together) = (place.rotation(key), &together);
                scope.spawn(move || {
                    together.wait();
                    work(rotation);
                });
            }
        });
        place.gateway().announcement().unwrap()
    };
    for _ in 0..64 {
        let announced = both(&|rotation| drop(rotation.begin(None, NOW, &SystemEntropy).unwrap()));
        assert!(announced.next_log_key.is_some() && announced.next_cosigner_key.is_some(), "{announced:?}");
        let announced = both(&|rotation| rotation.abandon(NOW).unwrap());
        assert!(announced.next_log_key.is_none() && announced.next_cosigner_key.is_none(), "{announced:?}");
    }
}

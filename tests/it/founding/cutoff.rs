//! Revocations that would cut the ministry off its own gateway: whoever follows the hints keeps the certificate in use, and
//! a bundle that revokes it is neither signed nor installed without more words. `doctor` sees what happened all the same.

use std::fs;

use serde_json::Value;

use super::process::{Gateway, Place};
use super::{fingerprint, found};

const REVOKE: [&str; 8] =
    ["key", "revoke", "gateway", "--reason", "key-compromise", "--ministry-home", "xa/root", "--yes"];

fn sign(place: &Place, more: &[&str]) -> super::process::Ended {
    let homes = ["--ministry-home", "xa/root", "--gateway", "xa/gateway", "--desk", "xa/desk"];
    place.run(&[&["trust", "sign"], &homes[..], more].concat())
}

/// What `doctor` finds at the desk of XA, by subject: the level, the words and what comes next.
fn examined(place: &Place) -> Vec<(String, String, String)> {
    let ended = place.run(&["--json", "--home", "xa/desk", "doctor"]);
    let report: Value = serde_json::from_str(&ended.data).unwrap_or_else(|_| panic!("{}", ended.talk));
    let text = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    let of = |check: &Value| (text(check, "level"), text(check, "subject"), text(check, "said"));
    report["checks"].as_array().unwrap().iter().map(of).collect()
}

fn is_found(found: &[(String, String, String)], level: &str, subject: &str, said: &str) -> bool {
    found.iter().any(|one| one.0 == level && one.1 == subject && one.2.contains(said))
}

/// The commands that come next are named in this order.
fn assert_in_order(talk: &str, commands: &[&str]) {
    let places: Vec<Option<usize>> = commands.iter().map(|command| talk.find(command)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{commands:?}: {talk}");
}

/// Where the root is offline, a folder beside it holds what was carried there, and no command is typed in it.
#[test]
fn a_folder_that_was_carried_to_the_root_is_told_from_a_home() {
    let place = Place::new();
    found(&place, "XA");
    let copied = |from: &str, to: &str| {
        let to = place.path(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(place.path(from), to).unwrap();
    };
    copied("xa/gateway/public.toml", "carried/public.toml");
    copied("xa/gateway/keys/transport.pem", "carried/keys/transport.pem");
    for file in ["enrolment.toml", "keys/reading.recipient", "trust/root.pem"] {
        copied(&format!("xa/desk/{file}"), &format!("carried-desk/{file}"));
    }
    place.succeed(&["desk", "enrol", "--ministry-home", "xa/root", "--renew", "xa/gateway"]);
    let several = place.run(&REVOKE).talk;
    let (_, oldest) = several.trim_end().rsplit_once(' ').unwrap();
    place.succeed(&[&REVOKE[..], &["--serial", oldest]].concat());
    let sign = |bundle: &str| {
        let homes = ["--ministry-home", "xa/root", "--gateway", "carried", "--desk", "carried-desk"];
        place.run(&[&["trust", "sign"], &homes[..], &["-o", bundle]].concat())
    };
    let refused = sign("xa-2.bundle");
    assert_eq!((refused.code, refused.error_code().as_deref()), (6, Some("cuts-off")), "{}", refused.talk);
    assert!(refused.talk.ends_with("hint: cp CHAIN carried/keys/transport.pem\n"), "{}", refused.talk);
    copied("xa/gateway/keys/transport.pem", "carried/keys/transport.pem");
    let signed = sign("xa-2.bundle");
    assert!(signed.talk.contains("next: chancery --home DESK trust install xa-2.bundle"), "{}", signed.talk);
}

#[test]
fn whoever_follows_the_hint_of_a_revocation_keeps_the_certificate_in_use() {
    let place = Place::new();
    found(&place, "XA");
    place.succeed(&["desk", "enrol", "--ministry-home", "xa/root", "--renew", "xa/gateway"]);
    let several = place.run(&REVOKE);
    assert_eq!((several.code, several.error_code().as_deref()), (2, Some("several")), "{}", several.talk);
    let (_, list) = several.talk.split_once("several certificates: ").unwrap();
    let serials: Vec<&str> =
        list.lines().next().unwrap().split(", ").map(|one| one.split(' ').next().unwrap()).collect();
    let [older, newest] = serials.as_slice() else { panic!("{}", several.talk) };
    assert!(several.talk.trim_end().ends_with(&format!("--serial {older}")), "{}", several.talk);
    assert!(several.talk.contains(&format!("{newest} is the newest")), "{}", several.talk);

    let revoked = place.succeed(&[&REVOKE[..], &["--serial", older]].concat()).talk;
    assert!(revoked.contains(&format!("is still believed with {newest} of ")), "{revoked}");
    assert!(!revoked.contains("key rotate"), "another is in use: {revoked}");
    let signed = sign(&place, &["-o", "xa-2.bundle"]);
    assert_eq!(signed.code, 0, "{}", signed.talk);

    // The one in use is what is left; no bundle says so unless somebody insists.
    let revoked = place.succeed(&REVOKE).talk;
    let next =
        ["chancery --home GATEWAY key rotate keys/transport", "trust sign", "trust install NEXT.bundle"];
    assert_in_order(&revoked, &next);
    let own = fs::read(place.path("xa/desk/trust/own.bundle")).unwrap();
    let refused = sign(&place, &["-o", "xa-3.bundle"]);
    assert_eq!((refused.code, refused.error_code().as_deref()), (6, Some("cuts-off")), "{}", refused.talk);
    assert!(refused.talk.contains(newest), "{}", refused.talk);
    assert!(
        refused.talk.ends_with("hint: chancery --home xa/gateway key rotate transport\n"),
        "{}",
        refused.talk
    );
    assert!(!place.path("xa-3.bundle").exists());
    assert_eq!(fs::read(place.path("xa/desk/trust/own.bundle")).unwrap(), own);
    // Where no more than public.toml is carried to the root, the newest that was certified counts.
    fs::create_dir(place.path("stick")).unwrap();
    fs::copy(place.path("xa/gateway/public.toml"), place.path("stick/public.toml")).unwrap();
    let homes = ["--ministry-home", "xa/root", "--gateway", "stick", "--desk", "xa/desk"];
    let carried = place.run(&[&["trust", "sign"], &homes[..], &["-o", "xa-3.bundle"]].concat());
    assert_eq!((carried.code, carried.error_code().as_deref()), (6, Some("cuts-off")), "{}", carried.talk);
    let insisted = sign(&place, &["-o", "xa-3.bundle", "--yes"]);
    assert_eq!(insisted.code, 0, "{}", insisted.talk);
}

#[test]
fn a_bundle_that_revokes_the_gateway_in_use_is_not_installed_and_doctor_sees_one_that_was() {
    let place = Place::new();
    found(&place, "XA");
    found(&place, "XB");
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the gateway listens");
    let (of_xb, _) = fingerprint(&place, "xb.bundle");
    place.succeed(&["--home", "xa/desk", "peer", "add", "xb.bundle", "--fingerprint", &of_xb]);
    let before = examined(&place);
    assert!(is_found(&before, "ok", "gateway", "lets this desk in"), "{before:?}");
    assert!(!before.iter().any(|one| one.1 == "certificate" && one.0 == "fail"), "{before:?}");

    // The root is elsewhere: the desk that is given the bundle has not seen it before.
    place.succeed(&REVOKE);
    let office = ["key", "revoke", "office/legal-01", "--reason", "key-compromise", "--yes"];
    let revoked = place.succeed(&[&office[..], &["--ministry-home", "xa/root"]].concat()).talk;
    // It is to be silent at once; the next key may wait.
    let next =
        ["trust sign", "trust install NEXT.bundle", "chancery --home DESK key rotate keys/offices/legal-01"];
    assert_in_order(&revoked, &next);
    let own = place.path("xa/desk/trust/own.bundle");
    let in_force = fs::read(&own).unwrap();
    let signed = sign(&place, &["-o", "xa-2.bundle", "--yes"]);
    assert_eq!(signed.code, 0, "{}", signed.talk);
    let cut_off = fs::read(&own).unwrap();
    fs::write(&own, &in_force).unwrap();
    let refused = place.run(&["--home", "xa/desk", "trust", "install", "xa-2.bundle"]);
    assert_eq!((refused.code, refused.error_code().as_deref()), (6, Some("cuts-off")), "{}", refused.talk);
    assert_eq!(fs::read(&own).unwrap(), in_force, "nothing was installed");

    fs::write(&own, cut_off).unwrap();
    let after = examined(&place);
    assert!(is_found(&after, "fail", "gateway", "does not vouch for whoever answers"), "{after:?}");
    assert!(is_found(&after, "fail", "certificate", "keys/offices/legal-01"), "{after:?}");
    assert!(is_found(&after, "fail", "certificate", "CERTIFICATE_REVOKED"), "{after:?}");
    let keys = place.succeed(&["--home", "xa/desk", "key", "list"]).data;
    let legal = keys.lines().find(|line| line.contains("offices/legal-01")).unwrap();
    assert!(legal.contains("revoked from "), "{keys}");
    assert_eq!(keys.matches("revoked from ").count(), 1, "{keys}");
    assert_eq!(xa.stop(), Some(0));
}

/// Whoever is shut out learns it with the first call: a connection alone tells nothing.
#[test]
fn doctor_at_a_desk_that_its_gateway_shuts_out_says_so() {
    let place = Place::new();
    found(&place, "XA");
    let mut xa = Gateway::daemon(&place, "xa/gateway");
    xa.wait_for("the gateway listens");
    let revoke = ["key", "revoke", "desk/main", "--reason", "superseded", "--ministry-home", "xa/root"];
    place.succeed(&[&revoke[..], &["--gateway", "xa/gateway", "--yes"]].concat());
    xa.hang_up();
    xa.wait_for("were read again");
    let ended = place.run(&["--home", "xa/desk", "doctor"]);
    assert_eq!(ended.code, 1, "{}", ended.talk);
    let found = examined(&place);
    assert!(found.iter().any(|one| one.0 == "fail" && one.1 == "gateway"), "{found:?}");
}

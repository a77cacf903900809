//! Correspondence as it would be kept: whatever numbers its sender gave it.

use super::*;
use crate::consultation::act::{Act, ActKind};
use crate::desk::form::draft::{DraftAct, IdsOnly};
use crate::desk::form::parse::parse;
use crate::desk::form::template::example;
use crate::message::dispatch::{Basis, Marking};
use crate::message::header::{Address, Addressee, Part, Position};
use crate::message::terms::{AddresseeKind, Form, Level, Precedence};
use crate::trust::name::Ministry;
use crate::trust::policy::ChannelId;

/// The consultation of these.
pub(in crate::desk::casebook) const CONSULTATION: &str = "C-7QK4-M2XD-9WTV";

/// An act of this kind from `sender` to XA and XC.
pub(in crate::desk::casebook) fn kept(
    kind: ActKind,
    sender: &str,
    number: u64,
    rests_on: &[(&str, u64)],
) -> Kept {
    let Ok(form) = parse(&example(kind), &IdsOnly) else { panic!("no example of {kind:?}") };
    let DraftAct::Complete(act) = form.act else { panic!("{kind:?} lacks its consultation") };
    let address = address(sender, form.precedence);
    let dispatch = dispatch(&address, &act, number, rests_on);
    let release_time = Timestamp::parse("2026-11-22T10:00:00Z").unwrap();
    let position = Position {
        recipient: ministry("XA"),
        sequence: 1,
        previous: None,
        act_number: number,
        release_time,
        valid_until: release_time.after(crate::limits::VALIDITY_DEFAULT),
    };
    let part = Part { digest: Digest::of(b"sealed"), size: 1000 };
    let header = Header::compose(&address, &position, &[part]).unwrap();
    let bytes = dispatch.bytes();
    let authorities = AuthorityFacts { drafter: None, clearances: Vec::new(), offices: Vec::new() };
    let header = Header::parse(header.bytes()).unwrap();
    Kept { header, dispatch, digest: Digest::of(&bytes), at: release_time, own: false, authorities, bytes }
}

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn address(sender: &str, precedence: Precedence) -> Address {
    let addressee = |code: &str| Addressee { ministry: ministry(code), kind: AddresseeKind::Action };
    Address {
        channel: ChannelId::parse("ch-0123456789abcdef").unwrap(),
        consultation: CONSULTATION.to_owned(),
        sender: ministry(sender),
        addressees: vec![addressee("XA"), addressee("XC")],
        precedence,
        level: Level::Restricted,
        releasable_to: ["XA", "XB", "XC"].map(ministry).to_vec(),
    }
}

fn dispatch(address: &Address, act: &Act, number: u64, rests_on: &[(&str, u64)]) -> Dispatch {
    let basis =
        |(code, act_number): &(&str, u64)| Basis { ministry: ministry(code), act_number: *act_number };
    Dispatch {
        address_digest: address.digest(),
        salt: [7; 32],
        form: Form::Memorandum,
        formal_number: String::new(),
        marking: Marking {
            level: Level::Restricted,
            national_label: String::new(),
            caveats: Vec::new(),
            eyes_only_roles: Vec::new(),
        },
        basis: rests_on.iter().map(basis).collect(),
        documents: Vec::new(),
        authentications: Vec::new(),
        kind: act.kind().to_owned(),
        act_class: act.class(),
        act: crate::consultation::codec::encode(act),
        in_reply_to: None,
        reply_due: None,
        relayed_on_behalf_of: None,
        // The same words under another number are another dispatch.
        drafting_office: format!("office {number}"),
    }
}

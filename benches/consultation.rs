//! Measures what it costs to fold a consultation: time for each act at its hundredth, thousandth and ten-thousandth,
//! the whole, and memory. `cargo bench --bench consultation -- [ACTS]`; 10,000 without a number.
//!
//! Eight acts for each person, from the case to the concluded agreement; every act is judged by all rules on its
//! declared past. The program says how many stand: if few do, it measured refusals.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "nobody links it")]
#![allow(missing_docs, unreachable_pub, missing_debug_implementations, reason = "nobody links it")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chancery::consultation::act::{Act, ActKind};
use chancery::consultation::casebook::{Casebook, Incoming, Outcome};
use chancery::consultation::catalogue::Texts;
use chancery::consultation::charter::{Charter, NationalLabel};
use chancery::consultation::clearance;
use chancery::consultation::codec;
use chancery::consultation::outline::{Field, Value};
use chancery::consultation::reference::PersonRef;
use chancery::consultation::registered::Marks;
use chancery::consultation::rules::judgement::ChannelFacts;
use chancery::consultation::state::stage;
use chancery::digest::Digest;
use chancery::entropy::{Entropy, NoEntropy};
use chancery::limits;
use chancery::message::dispatch::{Dispatch, Document, ExpectedAuthentication, Marking};
use chancery::message::header::{Address, Addressee, Position};
use chancery::message::id::MessageId;
use chancery::message::terms::{
    AddresseeKind, AuthenticationKind, Caveat, DocumentClass, DocumentStanding, Form, Level,
};
use chancery::time::Timestamp;
use chancery::trust::name::{Ministry, Name};
use chancery::trust::policy::ChannelId;

const START: i64 = 1_795_341_600;
/// Acts that are timed together around a mark, because one alone is too short.
const WINDOW: usize = 50;

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(10_000);
    let before = resident();
    let mut script = Script::new();
    let (mut spent, mut stands, mut marks) = (Duration::ZERO, 0_usize, Vec::new());
    let mut windows: Vec<Duration> = Vec::new();
    for number in 0..count {
        let incoming = script.next(number);
        // Only the casebook is measured, not the making of acts.
        let begun = Instant::now();
        let outcomes = script.book.offer(incoming);
        let took = begun.elapsed();
        spent += took;
        windows.push(took);
        stands += outcomes.iter().filter(|one| is_standing(one)).count();
        if [100, 1_000, 10_000].contains(&(number + 1)) {
            let last: Duration = windows.iter().rev().take(WINDOW).sum();
            marks.push((number + 1, last / WINDOW as u32));
        }
    }
    let person = script.person(count / 8 / 2);
    let begun = Instant::now();
    let case = stage::stage(&script.book.everything(), &person, script.at(count), script.book.charter());
    let asked = begun.elapsed();
    println!("acts                     {count}, of which {stands} stand");
    println!("whole                    {:.1} ms", spent.as_secs_f64() * 1e3);
    for (at, took) in marks {
        println!("one act at {at:<13} {:.1} us (mean of the last {WINDOW})", took.as_secs_f64() * 1e6);
    }
    println!("one case asked           {:.1} us ({})", asked.as_secs_f64() * 1e6, case.shown());
    match (before, resident()) {
        (Some(before), Some(after)) => {
            println!("memory                   {:.1} MiB more than before", (after - before) as f64 / 1024.0);
        }
        _ => println!("memory                   unknown on this system"),
    }
}

fn is_standing(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Registered { verdict, .. } if verdict.stands())
}

/// Resident memory in KiB, as Linux tells it.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Says the acts one after the other.
struct Script {
    book: Casebook,
    last: BTreeMap<String, Digest>,
}

impl Script {
    fn new() -> Self {
        let parties: Vec<Ministry> = ["IC", "XA", "XB"].map(ministry).to_vec();
        let label = |party: &Ministry| NationalLabel {
            ministry: party.clone(),
            level: Level::Restricted,
            label: "RESTRICTED".to_owned(),
        };
        let channel = ChannelFacts {
            channel: channel(),
            parties: parties.clone(),
            suspended: false,
            ceiling: Level::Restricted,
        };
        let mut charter = Charter::default_for(parties.iter().cloned());
        charter.national_labels = parties.iter().map(label).collect();
        let mut script = Self { book: Casebook::new(channel, charter), last: BTreeMap::new() };
        let proposal = r#"consultation = "C-3HN8-ZC6V-5JF2"
            subject = "Prisoners of war: procedure"
            parties = [{ ministry = "IC", roles = ["ICRC"] }, { ministry = "XA", roles = ["RECEIVING_POWER"] },
                { ministry = "XB", roles = ["DETAINING_POWER"] }]
            open_until_time = "2099-12-02T10:00:00Z""#;
        let open =
            [("XB", "consultation-proposal", proposal), ("XA", "consultation-reply", "reply = \"ACCEPT\"")];
        for (sender, kind, fields) in open {
            let incoming = script.incoming(sender, kind, fields, script.at(0));
            assert!(script.book.offer(incoming).iter().all(is_standing), "{kind} does not stand");
        }
        script
    }

    fn at(&self, number: usize) -> Timestamp {
        Timestamp::from_seconds(START + 60 * number as i64)
    }

    fn person(&self, number: usize) -> PersonRef {
        PersonRef::mint(&Counter(number as u64)).unwrap()
    }

    fn next(&mut self, number: usize) -> Incoming {
        let (person, at) = (self.person(number / 8).text(), self.at(number));
        let id = format!("A-{}", number / 8);
        let place = "{ kind = \"NAMED_STATE\", region_code = \"XA\" }";
        let text = Digest::of(b"text in en");
        let (sender, kind, fields) = match number % 8 {
            0 => (
                "XB",
                "case-registration",
                format!(
                    "person = \"{person}\"\nstatus = \"PRISONER_OF_WAR\"\npower_of_origin = \"XD\"\n\
                 information_bureau_notified = true\ncentral_agency_notified = true"
                ),
            ),
            1 => ("XB", "will-indication", format!("person = \"{person}\"\nsource = \"FAMILY\"")),
            2 => ("XB", "expression-of-will", statement(&person, at, place)),
            3 => (
                "XB",
                "protection-assessment",
                format!(
                    "person = \"{person}\"\ndestination = {place}\nfinding = \"NO_SUBSTANTIAL_GROUNDS\"\n\
                 assessment_time = \"{at}\"\nvalid_until_time = \"{}\"\nonward_return_considered = true",
                    at.after(Duration::from_secs(400 * 86_400))
                ),
            ),
            4 => (
                "XA",
                "transfer-request",
                format!(
                    "persons = [\"{person}\"]\nroute = \"RELEASE_AND_SETTLEMENT\"\ndestination = {place}\n\
                 legal_basis = [{{ instrument = \"GC-III-1949\", provision = \"Art. 118\" }}]\n\
                 supporting_documents = [\"application\"]\nassurances_message = \"{text}\""
                ),
            ),
            5 => (
                "XB",
                "medical-finding",
                format!(
                    "person = \"{person}\"\nkind = \"FITNESS_TO_TRAVEL\"\nexamination_time = \"{at}\"\n\
                 decision = \"FIT\"\ncertificate_document = \"certificate\""
                ),
            ),
            6 => (
                "XB",
                "agreement-note",
                format!(
                    "open_until_time = \"{}\"\n[terms]\nagreement_id = \"{id}\"\nkind = \"NON_BINDING_ARRANGEMENT\"\n\
                 route = \"RELEASE_AND_SETTLEMENT\"\nlines = [{{ person = \"{person}\", destination = {place}, \
                 will_act = \"{}\", protection_act = \"{}\" }}]\nauthentic_text_sha256 = [\"{text}\"]\n\
                 prevailing_language = \"en\"\nentry_into_force = \"ON_REPLY\"\nassurances = [\"NO_ONWARD_RETURN\"]\n\
                 required_parties = [\"XA\", \"XB\"]\nno_less_favourable_than_convention = true",
                    at.after(Duration::from_secs(30 * 86_400)),
                    self.last["expression-of-will"],
                    self.last["protection-assessment"]
                ),
            ),
            _ => (
                "XA",
                "agreement-reply",
                format!(
                    "proposing_message = \"{}\"\nterms = \"{}\"\nauthentic_text_sha256 = [\"{text}\"]",
                    self.last["agreement-note"],
                    self.terms()
                ),
            ),
        };
        self.incoming(sender, kind, &fields, at)
    }

    /// The terms of the last note, in hexadecimal digits.
    fn terms(&self) -> String {
        let reference = chancery::consultation::acts::values::ActRef::new(self.last["agreement-note"]);
        match self.book.everything().find(reference).and_then(|one| one.act.as_ref()) {
            Some(Act::AgreementNote(note)) => {
                note.terms.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
            }
            _ => panic!("no note"),
        }
    }

    fn incoming(&mut self, sender: &str, kind: &str, fields: &str, at: Timestamp) -> Incoming {
        let table: toml::Table = toml::from_str(fields).unwrap();
        let kind = ActKind::from_word(kind).unwrap();
        let act = Act::from_outline(kind, &group(&table)).unwrap_or_else(|faults| panic!("{kind}: {faults}"));
        let number = self.book.next_number(&ministry(sender));
        let address = address(sender, &act);
        let dispatch = dispatch(sender, number, &self.book.draft_basis(), at, &act, &address);
        let digest = Digest::of(&dispatch.bytes());
        self.last.insert(act.kind().to_owned(), digest);
        let position = Position {
            recipient: ministry("IC"),
            sequence: number,
            previous: None,
            act_number: number,
            release_time: at,
            valid_until: at.after(limits::VALIDITY_DEFAULT),
        };
        Incoming::new(address, position, dispatch, digest, None)
    }
}

fn statement(person: &str, at: Timestamp, place: &str) -> String {
    format!(
        r#"person = "{person}"
        information_time = "{}"
        declaration_time = "{at}"
        acceptable = [{place}]
        mode = "HANDWRITTEN"
        language_code = "ko-KP"
        question_as_put = "어디로 가기를 원하십니까?"
        answer_verbatim = "남쪽으로 가겠습니다."
        information_given = ["ALL_OPTIONS_INCLUDING_REMAINING", "RIGHT_TO_WITHDRAW_UNTIL_HANDOVER",
            "EFFECT_ON_POW_STATUS", "RECEIVING_STATE_PROCEDURE", "WHO_WILL_BE_TOLD", "ICRC_ACCESS", "NO_REWARD_OR_PENALTY"]
        attendees = [{{ function = "WITNESS", affiliation = "IC", neutral = true, co_signed = true }},
            {{ function = "WITNESS", affiliation = "XB", neutral = false, co_signed = true }},
            {{ function = "INTERPRETER", affiliation = "sworn", neutral = true, co_signed = true }}]
        freedom = "NO_INDICATION_OF_PRESSURE"
        capacity = "FULL"
        copy_given_to_person = true
        no_waiver_of_rights = true
        statement_document = "statement""#,
        at.before(Duration::from_secs(26 * 3_600)),
    )
}

fn address(sender: &str, act: &Act) -> Address {
    let kind = |party: &str| if party == "IC" { AddresseeKind::Info } else { AddresseeKind::Action };
    let others = ["IC", "XA", "XB"].into_iter().filter(|party| *party != sender);
    Address {
        channel: channel(),
        consultation: "C-3HN8-ZC6V-5JF2".to_owned(),
        sender: ministry(sender),
        addressees: others.map(|party| Addressee { ministry: ministry(party), kind: kind(party) }).collect(),
        precedence: act.act_kind().specification().precedences[0],
        level: Level::Restricted,
        releasable_to: ["IC", "XA", "XB"].map(ministry).to_vec(),
    }
}

fn dispatch(
    sender: &str,
    number: u64,
    basis: &Marks,
    at: Timestamp,
    act: &Act,
    address: &Address,
) -> Dispatch {
    let form = act.act_kind().specification().forms[0];
    let documents = documents(act);
    let personal = documents
        .iter()
        .any(|one| matches!(one.class, DocumentClass::WillStatement | DocumentClass::ProtectionApplication));
    let medical = documents.iter().any(|one| one.class == DocumentClass::MedicalCertificate);
    let mut caveats = Vec::new();
    if personal || medical {
        caveats.push(Caveat::PersonalGc313);
    }
    if medical {
        caveats.push(Caveat::Medical);
    }
    let noted = matches!(form, Form::NoteVerbale | Form::FirstPersonNote);
    let expected = |kind: &AuthenticationKind| {
        let label = kind.word().to_ascii_lowercase().replace('_', "-");
        let credential = Name::parse(&format!("chancery://{sender}/office/{label}")).unwrap();
        ExpectedAuthentication { kind: *kind, credential }
    };
    Dispatch {
        address_digest: address.digest(),
        salt: [7; 32],
        form,
        formal_number: if noted { format!("{sender}-{}-{number:04}", at.year()) } else { String::new() },
        marking: Marking {
            level: Level::Restricted,
            national_label: "RESTRICTED".to_owned(),
            caveats,
            eyes_only_roles: Vec::new(),
        },
        basis: basis.basis(),
        documents,
        authentications: clearance::authentications(act.act_kind(), form).iter().map(expected).collect(),
        kind: act.kind().to_owned(),
        act_class: act.class(),
        act: codec::encode(act),
        in_reply_to: matches!(act, Act::ConsultationReply(_))
            .then(|| MessageId::from(Digest::of(b"proposal"))),
        reply_due: None,
        relayed_on_behalf_of: None,
        drafting_office: "Treaties Division".to_owned(),
    }
}

fn documents(act: &Act) -> Vec<Document> {
    let document = |id: &str, standing, class, language: &str| Document {
        document_id: id.to_owned(),
        title: "Document".to_owned(),
        standing,
        class,
        language: language.to_owned(),
        media_type: "text/plain".to_owned(),
        size: 1,
        digest: Digest::of(format!("text in {id}").as_bytes()),
        translation_of: String::new(),
    };
    use DocumentStanding::{Annex, Official};
    let mut documents = Vec::new();
    match act {
        Act::AgreementNote(_) | Act::AgreementReply(_) => {
            documents.push(document("en", Official, DocumentClass::AgreementText, "en"));
        }
        _ if act.act_kind().specification().texts != Texts::None => {
            documents.push(document("text", Official, DocumentClass::DiplomaticText, "en"));
        }
        _ => {}
    }
    match act {
        Act::ExpressionOfWill(_) => {
            documents.push(document("statement", Annex, DocumentClass::WillStatement, "ko-KP"));
            documents.push(document("interpreter", Annex, DocumentClass::InterpreterCertificate, "en"));
        }
        Act::MedicalFinding(_) => {
            documents.push(document("certificate", Annex, DocumentClass::MedicalCertificate, "en"));
        }
        Act::TransferRequest(_) => {
            documents.push(document("application", Annex, DocumentClass::ProtectionApplication, "en"));
        }
        _ => {}
    }
    documents
}

fn group(table: &toml::Table) -> Vec<Field> {
    table.iter().map(|(name, value)| Field { name: name.clone().into(), value: tree(value) }).collect()
}

fn tree(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::Text(text.clone()),
        toml::Value::Integer(number) => Value::Number(u64::try_from(*number).unwrap()),
        toml::Value::Boolean(flag) => Value::Flag(*flag),
        toml::Value::Array(values) => Value::List(values.iter().map(tree).collect()),
        toml::Value::Table(table) => Value::Group(group(table)),
        other => panic!("no such value in an act: {other}"),
    }
}

fn ministry(code: &str) -> Ministry {
    Ministry::parse(code).unwrap()
}

fn channel() -> ChannelId {
    ChannelId::parse("ch-0123456789abcdef").unwrap()
}

/// Entropy that counts.
struct Counter(u64);

impl Entropy for Counter {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = ((self.0 >> (5 * index.min(12))) & 31) as u8;
        }
        Ok(())
    }
}

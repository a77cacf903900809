//! An act on its way between the offices of one ministry: who signs when, what is refused, and that openssl verifies
//! each of the signatures over the same bytes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chancery::consultation::act::Act;
use chancery::consultation::rules::{Finding, Rule, Severity};
use chancery::desk::Desk;
use chancery::desk::accreditation::Trust;
use chancery::desk::draft::{DraftFile, DraftRefusal};
use chancery::desk::error::DeskError;
use chancery::desk::form::draft::IdsOnly;
use chancery::desk::form::parse::parse;
use chancery::desk::keys::Keys;
use chancery::desk::register::{DraftState, SentEntry};
use chancery::desk::signatories::Wishes;
use chancery::keys::ministry::MinistryHome;
use chancery::keys::revocation::RevocationReason;
use chancery::limits::{DRAFT_CARRIED_BYTES_MAX, DRAFT_FILE_BYTES_MAX};
use chancery::message::terms::{AuthenticationKind, Level};
use chancery::time::Clock;
use chancery::trust::name::Name;

use crate::support::{Stage, forms, ministry, passphrase};
use crate::tools;

/// The desk of XA with all it needs to work on drafts.
struct Office<'a> {
    stage: &'a Stage,
    desk: Desk,
    trust: Trust,
    file: PathBuf,
}

impl<'a> Office<'a> {
    fn of(stage: &'a Stage) -> Self {
        let desk = stage.house("XA").desk().unwrap();
        let trust = desk.trust().unwrap();
        Self { stage, desk, trust, file: stage.folder().join("note.draft") }
    }

    fn keys(&self) -> &Keys {
        self.stage.house("XA").keys()
    }

    /// Composes a form that `legal-01` is to clear too.
    async fn compose(&self, form: &str) -> Result<DraftFile, DeskError> {
        let draft = parse(form, &IdsOnly).unwrap();
        let wishes = Wishes { clear: vec!["legal-01".to_owned()], ..Wishes::default() };
        let form = (&draft, self.stage.folder());
        let composed = self.desk.compose_draft(&self.trust, self.keys(), form, &wishes, &self.file).await;
        composed.map(|(draft, _)| draft)
    }

    fn sign(&self, draft: &mut DraftFile, office: &str) -> Result<Vec<AuthenticationKind>, DeskError> {
        self.desk.sign_draft(&self.trust, self.keys(), draft, office)
    }

    /// Has the offices sign, in this order; each reads the file that the one before wrote.
    fn cleared(&self, draft: &DraftFile, offices: &[&str]) -> DraftFile {
        let mut draft = draft.clone();
        for office in offices {
            self.sign(&mut draft, office).unwrap();
            draft = DraftFile::parse(&draft.text().unwrap(), self.stage.folder()).unwrap();
        }
        draft
    }

    async fn release(&self, draft: DraftFile) -> Result<Vec<SentEntry>, DeskError> {
        let composition = self.desk.ready(&self.trust, self.keys(), draft)?;
        self.desk.send(&self.trust, self.keys(), composition).await
    }
}

const ALL: [&str; 3] = ["legal-01", "releasing-01", "seal"];

fn reason<T>(result: Result<T, DeskError>) -> &'static str {
    match result {
        Err(DeskError::DraftRefused(refusal)) => refusal.reason(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

/// Whether openssl believes a signature over these bytes under this root.
fn openssl_verifies(folder: &Path, bytes: &[u8], p7s: &[u8], root: &Path) -> Option<bool> {
    fs::write(folder.join("dispatch.bin"), bytes).unwrap();
    fs::write(folder.join("one.p7s"), p7s).unwrap();
    let arguments = [
        "cms",
        "-verify",
        "-cades",
        "-binary",
        "-inform",
        "DER",
        "-in",
        "one.p7s",
        "-content",
        "dispatch.bin",
    ];
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments).arg("-CAfile").arg(root);
    // The homes of tests are certified at an instant of their own.
    command.args(["-no_check_time", "-purpose", "any", "-out", "shown"]);
    tools::run(&mut command, "openssl verifies a draft's signatures").map(|output| output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_goes_from_office_to_office_and_out_once() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let mut draft = office.compose(&forms::note("XB", "new")).await.unwrap();
    assert_eq!(draft.dispatch().formal_number.split('-').next_back(), Some("0001"), "reserved when composed");
    // Each in its turn, and nobody else.
    assert_eq!(reason(office.sign(&mut draft, "releasing-01")), "NOT_YET_CLEARED");
    assert_eq!(reason(office.sign(&mut draft, "head")), "NOT_LISTED");
    assert_eq!(reason(office.sign(&mut draft, "drafting-01")), "ALREADY_SIGNED");
    assert_eq!(reason(office.release(draft.clone()).await), "NOT_SIGNED");
    let unsealed = office.cleared(&draft, &ALL[..2]);
    assert_eq!(reason(office.release(unsealed).await), "NOT_SIGNED", "the seal is missing");
    let draft = office.cleared(&draft, &ALL);

    let root = stage.house("XA").homes().desk.directory().join("trust/root.pem");
    for p7s in draft.signatures().iter().flatten() {
        let Some(good) = openssl_verifies(stage.folder(), draft.bytes(), p7s, &root) else { break };
        assert!(good);
        let mut other = draft.bytes().to_vec();
        other[40] ^= 1;
        assert_eq!(openssl_verifies(stage.folder(), &other, p7s, &root), Some(false));
    }
    assert_eq!(draft.signatures().iter().flatten().count(), 4);

    let [sent] = office.release(draft.clone()).await.unwrap().try_into().unwrap();
    assert_eq!(sent.dispatch_digest, draft.digest(), "the bytes that were signed");
    assert_eq!(reason(office.release(draft.clone()).await), "ALREADY_RELEASED");
    let entry = office.desk.register().draft(&draft.digest()).unwrap().unwrap();
    assert_eq!(entry.state, DraftState::Released);
    stage.settled("XA", &sent).await;
    stage.house("XB").fetch().await.unwrap();
    let read = stage.house("XB").read("@last").unwrap();
    let kinds: Vec<&str> =
        read.dispatch.dispatch().authentications.iter().map(|one| one.kind.word()).collect();
    assert_eq!(kinds, ["DRAFT", "CLEARANCE", "INITIALS", "SEAL"]);
    assert!(read.findings.iter().all(|finding| finding.severity == Severity::Warning), "{:?}", read.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_of_one_draft_at_once_send_it_once() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let draft = office.compose(&forms::note("XB", "new")).await.unwrap();
    let draft = office.cleared(&draft, &ALL);
    let other = Office::of(&stage);
    let (one, two) = tokio::join!(office.release(draft.clone()), other.release(draft));
    let (mut sent, mut refused) = (0, 0);
    for result in [one, two] {
        match result {
            Ok(_) => sent += 1,
            Err(DeskError::DraftRefused(DraftRefusal::AlreadyReleased)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((sent, refused), (1, 1));
    assert_eq!(office.desk.register().sent().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_act_makes_a_draft_stale_until_it_is_based_anew_and_cleared_again() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let [first] = stage.send("XA", &forms::memorandum("XB", "new", "Let us talk.")).await.try_into().unwrap();
    stage.settled("XA", &first).await;
    stage.house("XB").fetch().await.unwrap();
    let draft = office.compose(&forms::note("XB", &first.consultation)).await.unwrap();
    let draft = office.cleared(&draft, &ALL);
    let reply = forms::memorandum("XA", &first.consultation, "We have changed our mind.");
    let [reply] = stage.send("XB", &reply).await.try_into().unwrap();
    stage.settled("XB", &reply).await;
    stage.house("XA").fetch().await.unwrap();

    assert_eq!(reason(office.release(draft.clone()).await), "STALE_BASIS");
    let later = office.desk.rebase(&office.trust, office.keys(), &draft, &office.file).unwrap();
    assert_eq!(later.dispatch().formal_number, draft.dispatch().formal_number, "it keeps its number");
    assert_eq!(reason(office.release(later.clone()).await), "NOT_SIGNED", "it is cleared again");
    assert_eq!(reason(office.release(draft).await), "DRAFT_SUPERSEDED");
    let later = office.cleared(&later, &ALL);
    office.release(later).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_that_went_to_one_power_alone_makes_a_draft_stale_too_and_once() {
    let stage = Stage::of(&["XA", "XB", "XC"]).await;
    let parties = ["XA", "XB", "XC"].map(ministry);
    let channel = stage.world.charter(&parties, Level::Confidential, false).await.unwrap();
    let office = Office::of(&stage);
    let first = stage.send("XA", &forms::note("XB\", \"XC", "new")).await;
    let consultation = &first[0].consultation;
    stage.settled("XA", first.iter().find(|copy| copy.recipient.as_str() == "XB").unwrap()).await;
    stage.house("XB").fetch().await.unwrap();
    let draft = office.compose(&forms::note("XB\", \"XC", consultation)).await.unwrap();
    let draft = office.cleared(&draft, &ALL);
    // No basis can name it: it bears no number.
    let aside = forms::memorandum("XA", consultation, "Between us.");
    let aside = aside.replace("precedence", &format!("channel = \"{channel}\"\nprecedence"));
    let [aside] = stage.send("XB", &aside).await.try_into().unwrap();
    assert_eq!((aside.act_number, aside.channel.as_str()), (0, channel.as_str()));
    stage.settled("XB", &aside).await;
    stage.house("XA").fetch().await.unwrap();

    assert_eq!(reason(office.release(draft.clone()).await), "STALE_BASIS");
    let later = office.desk.rebase(&office.trust, office.keys(), &draft, &office.file).unwrap();
    assert_eq!(reason(office.release(later.clone()).await), "NOT_SIGNED", "it is cleared again, knowing it");
    assert_eq!(later.dispatch().basis, draft.dispatch().basis);
    let later = office.cleared(&later, &ALL);
    let again = office.desk.rebase(&office.trust, office.keys(), &later, &office.file).unwrap();
    assert_eq!(again.digest(), later.digest(), "nothing came since");
    office.release(later).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_draft_leaves_its_number_void() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let draft = office.compose(&forms::note("XB", "new")).await.unwrap();
    let draft = office.cleared(&draft, &ALL);
    office.desk.cancel_draft(&draft).unwrap();
    assert_eq!(reason(office.release(draft.clone()).await), "DRAFT_CANCELLED");
    assert_eq!(reason(office.desk.cancel_draft(&draft)), "DRAFT_CANCELLED");
    // What was composed before the number was given elsewhere goes out all the same.
    let second = office.compose(&forms::note("XB", "new")).await.unwrap();
    stage.send("XA", &forms::note("XB", "new")).await;
    let second = office.cleared(&second, &ALL);
    assert!(second.dispatch().formal_number.ends_with("-0002"), "{}", second.dispatch().formal_number);
    office.release(second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_was_altered_is_refused() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let draft = office.compose(&forms::note("XB", "new")).await.unwrap();
    let text = office.cleared(&draft, &ALL).text().unwrap();
    let value = |name: &str, text: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap().to_owned();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let read = |text: &str| DraftFile::parse(text, stage.folder());
    let standing = |text: &str| read(text).and_then(|draft| office.desk.standing(&office.trust, &draft));
    assert!(standing(&text).unwrap().is_complete());
    // Another salt is another dispatch, and nobody has signed that.
    let dispatch = data_encoding::BASE64.decode(value("dispatch", &text).as_bytes()).unwrap();
    let mut other = dispatch.clone();
    other[60] ^= 1;
    let other = text.replace(&value("dispatch", &text), &data_encoding::BASE64.encode(&other));
    assert_eq!(reason(standing(&other)), "AUTHENTICATION_INVALID");
    // Words that nobody has signed.
    let words = value("content", &text);
    let altered = text.replace(&words, &data_encoding::BASE64.encode(b"other words"));
    assert_eq!(reason(read(&altered)), "DRAFT_ALTERED");
    // One signature in the place of another.
    let p7s: Vec<&str> = text.lines().filter(|line| line.starts_with("p7s = ")).collect();
    let swapped = text.replace(p7s[1], p7s[2]);
    assert_eq!(reason(standing(&swapped)), "AUTHENTICATION_INVALID");
    let stranger = text.replacen("office/legal-01", "office/head", 1);
    assert_eq!(reason(read(&stranger)), "DRAFT_ALTERED");
    for wrong in ["", "format = \"chancery-draft/2\"", "words"] {
        assert_eq!(reason(read(wrong)), "DRAFT_MALFORMED", "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_documents_travel_with_a_draft_and_large_ones_stay_files() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let most = usize::try_from(DRAFT_CARRIED_BYTES_MAX).unwrap();
    // The text of the memorandum is carried first.
    let words = "Annexed.";
    for (size, is_carried) in [(most - words.len(), true), (most - words.len() + 1, false)] {
        let path = stage.folder().join(format!("scan-{size}.bin"));
        fs::write(&path, vec![7; size]).unwrap();
        let mut form = parse(&forms::memorandum("XB", "new", words), &IdsOnly).unwrap();
        form.attach(&path).unwrap();
        let form = (&form, stage.folder());
        let wishes = Wishes::default();
        let composed =
            office.desk.compose_draft(&office.trust, office.keys(), form, &wishes, &office.file).await;
        let text = composed.unwrap().0.text().unwrap();
        assert!(u64::try_from(text.len()).unwrap() <= DRAFT_FILE_BYTES_MAX);
        assert_eq!(text.lines().filter(|line| line.starts_with("path = ")).count(), usize::from(!is_carried));
        let read = DraftFile::parse(&text, stage.folder()).unwrap();
        let draft = office.cleared(&read, &["seal"]);
        office.release(draft).await.unwrap();
        // A file that changed after the offices signed is another document.
        fs::write(&path, vec![8; size]).unwrap();
        let again = DraftFile::parse(&text, stage.folder());
        assert_eq!(again.is_ok(), is_carried);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cleared_by_an_office_that_was_revoked_since_is_not_cleared() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let draft = office.compose(&forms::note("XB", "new")).await.unwrap();
    let draft = office.cleared(&draft, &ALL);
    let homes = stage.house("XA").homes();
    let root = MinistryHome::open(&homes.root, &passphrase()).unwrap();
    let legal = Name::parse("chancery://XA/office/legal-01").unwrap();
    let issued = root.issued().unwrap().into_iter().find(|record| record.name == legal).unwrap();
    let now = stage.clock_of("XA").now();
    root.revoke(issued.serial, RevocationReason::KeyCompromise, Some(now), now).unwrap();
    stage.house("XA").issue_bundle().unwrap();
    let office = Office::of(&stage);
    assert_eq!(reason(office.release(draft.clone()).await), "AUTHENTICATION_INVALID");
    assert_eq!(office.desk.register().sent().unwrap().len(), 0);
    // Another version takes its place, which is cleared anew.
    let later = office.desk.rebase(&office.trust, office.keys(), &draft, &office.file).unwrap();
    assert_ne!(later.digest(), draft.digest());
    assert_eq!(later.signatures().iter().flatten().count(), 1, "the drafter's");
    let again = office.desk.rebase(&office.trust, office.keys(), &later, &office.file).unwrap();
    assert_eq!(again.digest(), later.digest(), "its signature holds");
    // Whoever is asked to clear a new draft can: that is found before anybody works on it.
    let composed = office.compose(&forms::note("XB", "new")).await;
    assert!(
        matches!(&composed, Err(DeskError::Forbidden(found)) if found.iter().any(|one| one.rule == Rule::Rol02)),
        "{composed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_normative_act_that_fails_is_rejected_once_by_the_registry() {
    let stage = Stage::pair().await;
    let position = include_str!("../../examples/consultations/news/position.toml");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/consultations/news");
    let sent = stage.house("XA").send(position, &folder).await.unwrap();
    stage.settled("XA", &sent[0]).await;
    let house = stage.house("XB");
    house.fetch().await.unwrap();
    let opened = house.read("@last").unwrap();
    let finding = |rule, severity| Finding {
        rule,
        severity,
        field: "dispatch.form".to_owned(),
        message: "does not hold".to_owned(),
        hint: String::new(),
        subjects: Vec::new(),
    };
    let (desk, keys) = (house.desk().unwrap(), house.keys());
    let trust = desk.trust().unwrap();
    let warned = [finding(Rule::Frm02, Severity::Warning)];
    assert!(
        desk.reject(&trust, keys, &opened, &warned).await.unwrap().is_none(),
        "nothing stands against it"
    );
    let against = [finding(Rule::Frm01, Severity::Error), finding(Rule::Cls01, Severity::Error)];
    let rejected = desk.reject(&trust, keys, &opened, &against).await.unwrap().unwrap();
    // Asked again, by the same process and by one that starts anew.
    assert!(desk.reject(&trust, keys, &opened, &against).await.unwrap().is_none());
    let again = house.desk().unwrap();
    assert!(again.reject(&trust, keys, &opened, &against).await.unwrap().is_none());
    assert_eq!(desk.register().sent().unwrap().len(), 1);
    stage.settled("XB", &rejected[0]).await;
    stage.house("XA").fetch().await.unwrap();
    let read = stage.house("XA").read("@last").unwrap();
    let Some(Act::RuleRejection(rejection)) = read.act() else { panic!("another act") };
    assert_eq!(rejection.message_id, opened.envelope.id());
    let rules: Vec<&str> =
        rejection.refusals.iter().map(|refusal| refusal.rule.as_ref().unwrap().as_str()).collect();
    assert_eq!(rules, ["FRM_01", "CLS_01"]);
    let listed = &read.dispatch.dispatch().authentications;
    assert_eq!(listed.iter().map(|one| one.kind).collect::<Vec<_>>(), [AuthenticationKind::Registry]);
    // And the rejection is not rejected.
    let desk = stage.house("XA").desk().unwrap();
    let answered = desk.reject(&desk.trust().unwrap(), stage.house("XA").keys(), &read, &against).await;
    assert!(answered.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protective_act_waits_for_no_clearance() {
    let stage = Stage::pair().await;
    let office = Office::of(&stage);
    let form = "kind = \"will-withdrawal\"\nto = [\"XB\"]\nconsultation = \"new\"\n\n[act]\nperson = \"P-7QK4-M2XD-9WTV\"\n";
    assert_eq!(reason(office.compose(form).await), "PROTECTIVE_ACT");
    let [sent] = stage.send("XA", form).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    stage.house("XB").fetch().await.unwrap();
    let read = stage.house("XB").read("@last").unwrap();
    let listed = &read.dispatch.dispatch().authentications;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].kind, AuthenticationKind::DutyOfficer);
    assert_eq!(listed[0].credential.to_string(), "chancery://XA/office/duty-01");
}

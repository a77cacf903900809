//! The desk service as a process of its own that is killed, or told to stop, in the midst of calls: whoever repeats his
//! requests finds each of them done once, and an upload goes on where it was cut.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chancery::desk::register::DraftState;
use chancery::digest::Digest;
use chancery::proto::desk::v1 as wire;
use chancery::transport::status::reason_of;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::clients::address_of;
use super::killed::{each_came_once, everything_arrives};
use super::{Ministries, text_of, wait};
use crate::deskservice::bureau::{Client, clearance, creation, note, release};
use crate::support::doorway::Doorway;
use crate::support::{PATIENCE, eventually, ministry};

/// The desk of XA, the systems that may call it, and what they were given.
struct Office<'a> {
    all: &'a Ministries,
    name: String,
    folder: TempDir,
    /// Calls that the end of the desk has cut.
    cut: Cell<usize>,
}

/// How the desk ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    Stopped,
}

impl<'a> Office<'a> {
    fn of(all: &'a Ministries, clients: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut name = String::new();
        for (label, roles) in clients.iter().copied() {
            let into = folder.path().join(label);
            let args = ["desk", "enrol", label, "--roles", roles, "-o", into.to_str().unwrap(), "--json"];
            let said = all.types("XA", args);
            assert_eq!(said.code, 0, "{said:?}");
            name = text_of(&said.json(), "service").to_owned();
        }
        fs::write(all.desk("XA").join("service.toml"), "listen = \"127.0.0.1:0\"\n").unwrap();
        Self { all, name, folder, cut: Cell::new(0) }
    }

    /// Starts it.
    fn opens(&self) -> Serving {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.env_clear().args(["--json", "--home"]).arg(self.all.desk("XA")).arg("--passphrase-file");
        command.arg(self.all.directory.join("passphrase")).args(["desk", "serve"]);
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let address = address_of(&mut child);
        Serving { child, address }
    }

    /// Connects as one of its clients.
    async fn client(&self, serving: &Serving, label: &str) -> Client {
        let read = |file: &str| fs::read_to_string(self.folder.path().join(label).join(file)).unwrap();
        let root = read("root.pem").into_bytes();
        let doorway = Doorway { address: serving.address.parse().unwrap(), root, name: self.name.clone() };
        Client::new(doorway.dial(Some((&read("client.pem"), &read("client.key")))).await.unwrap())
    }

    /// Makes all calls at once as this client, and ends the desk in each of these ways as soon as so many things more have
    /// happened there; then makes all of them again, to their end. What came of each, in their order.
    async fn insists<Calling>(
        &self,
        label: &str,
        ends: &[(u64, End)],
        call: impl Fn(Client, usize) -> Calling,
    ) -> Vec<String>
    where
        Calling: Future<Output = Result<String, Status>> + Send + 'static,
    {
        let mut known = BTreeMap::new();
        for (more, end) in ends.iter().copied() {
            let mut serving = self.opens();
            let client = self.client(&serving, label).await;
            let house = self.all.world.house(&ministry("XA")).unwrap();
            let desk = house.desk().unwrap();
            let until = desk.register().last_event().unwrap() + more;
            let calls: Vec<_> = (0..CALLS).map(|number| tokio::spawn(call(client.clone(), number))).collect();
            let happened = || {
                desk.register().last_event().unwrap() >= until || calls.iter().all(|call| call.is_finished())
            };
            let begun = Instant::now();
            while !happened() {
                assert!(begun.elapsed() < PATIENCE, "nothing happens");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            serving.is_to(end);
            for (number, call) in calls.into_iter().enumerate() {
                match within(call).await.unwrap() {
                    Ok(came) => is_the_same(&mut known, number, came),
                    Err(status) => {
                        self.cut.set(self.cut.get() + 1);
                        let reason = reason_of(&status).unwrap_or_default();
                        assert!(["", "DRAINING"].contains(&reason.as_str()), "{label} {number}: {status:?}");
                    }
                }
            }
            let ended = serving.ended().await;
            assert_eq!(ended.success(), end == End::Stopped, "{end:?}: {ended}");
        }
        let serving = self.opens();
        let client = self.client(&serving, label).await;
        let calls: Vec<_> = (0..CALLS).map(|number| tokio::spawn(call(client.clone(), number))).collect();
        for (number, call) in calls.into_iter().enumerate() {
            let came = within(call).await.unwrap();
            is_the_same(&mut known, number, came.unwrap_or_else(|status| panic!("{label}: {status:?}")));
        }
        known.into_values().collect()
    }
}

/// Calls that are under way at once.
const CALLS: usize = 8;

/// A request that was answered is answered so for ever.
fn is_the_same(known: &mut BTreeMap<usize, String>, number: usize, came: String) {
    let before = known.entry(number).or_insert_with(|| came.clone());
    assert_eq!(*before, came, "request {number} was done twice");
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("no answer and no end")
}

/// The process that serves, which ends with the test at the latest.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn is_to(&mut self, end: End) {
        match end {
            End::Killed => self.child.kill().unwrap(),
            End::Stopped => {
                let told = Command::new("kill").arg(self.child.id().to_string()).status();
                assert!(told.unwrap().success());
            }
        }
    }

    async fn ended(&mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(waiting).await
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _has_ended = self.child.kill();
        let _gone = self.child.wait();
    }
}

#[test]
fn what_clients_repeat_after_the_desk_service_was_killed_in_the_midst_of_it_is_done_once() {
    let all = Ministries::found("service-killed");
    let office = Office::of(&all, &[("casework", "draft"), ("legal", "clear"), ("head", "release")]);
    let released = wait(async {
        let ends = [(1, End::Killed), (2, End::Stopped)];
        let drafts = office.insists("casework", &ends, |mut client, number| {
            let asked = creation(&format!("create-{number}"), note("XB", ""));
            async move { client.create_draft(asked).await.map(|draft| draft.into_inner().name) }
        });
        let drafts = drafts.await;
        let (clearing, releasing) = (drafts.clone(), drafts.clone());
        let cleared = office.insists("legal", &[(1, End::Killed)], move |mut client, number| {
            let asked = clearance(&format!("clear-{number}"), &clearing[number]);
            async move { client.clear_draft(asked).await.map(|draft| draft.into_inner().name) }
        });
        assert_eq!(cleared.await, drafts);
        let ends = [(1, End::Killed), (3, End::Killed)];
        let released = office.insists("head", &ends, move |mut client, number| {
            let asked = release(&format!("release-{number}"), &releasing[number]);
            async move {
                client.release_draft(asked).await.map(|released| {
                    let [message] = released.into_inner().messages.try_into().unwrap();
                    message.name
                })
            }
        });
        released.await
    });
    assert!(office.cut.get() > 0, "no call was under way when the desk ended");
    let house = all.world.house(&ministry("XA")).unwrap();
    let drafts = house.desk().unwrap().register().drafts(true, 10 * CALLS).unwrap();
    assert_eq!(drafts.len(), CALLS, "every draft is there once");
    assert!(drafts.iter().all(|draft| draft.state == DraftState::Released));
    let sent = everything_arrives(&all);
    let names: BTreeSet<String> = sent.iter().map(|copy| format!("messages/{}", copy.id)).collect();
    assert_eq!(names, released.into_iter().collect());
    assert_eq!((sent.len(), names.len()), (CALLS, CALLS), "every message was sent once");
    each_came_once(&all, &sent);
}

#[test]
fn an_upload_that_the_stop_of_the_desk_cuts_is_told_so_and_goes_on_where_it_was_at_the_next_start() {
    let all = Ministries::found("service-stopped");
    let office = Office::of(&all, &[("casework", "draft")]);
    let document: Vec<u8> =
        (0..75_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let (size, digest) = (document.len() as u64, Digest::of(&document).as_bytes().to_vec());
    let piece = |offset: u64, content: &[u8]| {
        let (digest, content) = (digest.clone(), content.to_vec());
        wire::UploadDocumentRequest { digest, size, offset, content }
    };
    let (first, rest) = document.split_at(200_000);
    let asked = || wire::GetUploadRequest { digest: digest.clone() };
    wait(async {
        let mut serving = office.opens();
        let casework = office.client(&serving, "casework").await;
        let (pieces, stream) = mpsc::channel(1);
        pieces.send(piece(0, first)).await.unwrap();
        let mut uploader = casework.clone();
        let uploading =
            tokio::spawn(async move { uploader.upload_document(ReceiverStream::new(stream)).await });
        eventually("the first piece is held", || {
            let (mut casework, asked) = (casework.clone(), asked());
            async move { casework.get_upload(asked).await.unwrap().into_inner().held == 200_000 }
        })
        .await;
        // The client would send more; it is the desk that ends.
        serving.is_to(End::Stopped);
        let end = within(uploading).await.unwrap().unwrap_err();
        assert_eq!(
            (end.code(), reason_of(&end).as_deref()),
            (Code::Unavailable, Some("DRAINING")),
            "{end:?}"
        );
        assert!(end.get_error_details().retry_info().is_some(), "{end:?}");
        drop(pieces);
        let ended = serving.ended().await;
        assert!(ended.success(), "{ended}");

        let serving = office.opens();
        let mut casework = office.client(&serving, "casework").await;
        let held = casework.get_upload(asked()).await.unwrap().into_inner();
        assert_eq!((held.held, held.complete), (200_000, false));
        let whole = casework.upload_document(tokio_stream::iter([piece(held.held, rest)])).await;
        let whole = whole.unwrap().into_inner();
        assert_eq!((whole.held, whole.complete, &whole.digest), (size, true, &digest));
        let mut content = note("XB", "");
        content.documents = vec![wire::DraftDocument {
            document_id: "annex-1".to_owned(),
            upload_digest: digest.clone(),
            title: "Annex 1".to_owned(),
            document_class: chancery::proto::message::v1::DocumentClass::LegalBasis.into(),
            ..Default::default()
        }];
        casework.create_draft(creation("whole", content)).await.unwrap();
    });
}

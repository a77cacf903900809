//! SIGHUP at a running service: who is let in is read again, and nothing ends.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use chancery::proto::desk::v1 as wire;
use chancery::transport::channel::connect_unix;
use tokio::runtime::Runtime;
use tonic::{Code, Status};

use super::Served;
use crate::deskservice::bureau::Client;
use crate::officer::Ministries;
use crate::support::PATIENCE;

impl Served {
    fn reloads(&self) {
        let told = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

/// Asks again and again, until the answer is as wanted.
async fn until(client: &Client, wanted: impl Fn(&Result<(), Status>) -> bool) {
    let begun = Instant::now();
    loop {
        let answer = client.clone().list_drafts(wire::ListDraftsRequest::default()).await.map(|_| ());
        if wanted(&answer) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_hangup_reads_the_users_of_the_socket_again_and_ends_nothing() {
    let both = Ministries::found("reload");
    let mut xa = Served::of(&both, "XA");
    let settings = both.desk("XA").join("service.toml");
    let before = fs::read_to_string(&settings).unwrap();
    assert!(before.contains("roles = [\"draft\"]"), "{before}");
    Runtime::new().unwrap().block_on(async {
        let client = Client::new(connect_unix(&xa.socket).await.unwrap());
        until(&client, Result::is_ok).await;
        fs::write(&settings, before.replace("\"draft\"", "\"observe\"")).unwrap();
        xa.reloads();
        let is_shut = |answer: &Result<(), Status>| {
            answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied)
        };
        until(&client, is_shut).await;
        // What cannot be used changes nothing, and the next that can be is taken.
        fs::write(&settings, "listen = 17\n").unwrap();
        xa.reloads();
        fs::write(&settings, &before).unwrap();
        xa.reloads();
        until(&client, Result::is_ok).await;
    });
    assert!(xa.child.try_wait().unwrap().is_none(), "the service has ended");
    // The gateway vouches for what was read again, and for what came behind it.
    assert_eq!(both.types("XA", ["desk", "suspend", "local"]).code, 0);
    let begun = Instant::now();
    loop {
        assert_eq!(both.types("XA", ["inbox"]).code, 0);
        let said = both.types("XA", ["log", "tail", "--administration", "-n", "64"]);
        let rows = |verb: &str| said.data.lines().filter(|row| row.contains(verb)).count();
        assert!(rows("RELOADED") >= 2 && rows("CLIENT_SUSPENDED") == 1, "{said:?}");
        if !said.data.contains("not yet") {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{said:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

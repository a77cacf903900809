//! SIGHUP at a running service: who is let in is read again, and nothing ends.

use std::fs;
use std::process::Command;

use chancery::proto::desk::v1 as wire;
use chancery::transport::channel::connect_unix;
use tonic::{Code, Status};

use super::Served;
use crate::deskservice::bureau::Client;
use crate::officer::{Ministries, wait};
use crate::support::eventually;

impl Served {
    fn reloads(&self) {
        let told = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().unwrap();
        assert!(told.success());
    }
}

/// Asks again and again, until the answer is as wanted.
async fn until(what: &str, client: &Client, wanted: impl Fn(&Result<(), Status>) -> bool) {
    eventually(what, async || {
        let answer = client.clone().list_drafts(wire::ListDraftsRequest::default()).await;
        wanted(&answer.map(|_| ()))
    })
    .await;
}

#[test]
fn a_hangup_reads_the_users_of_the_socket_again_and_ends_nothing() {
    let both = Ministries::found("reload");
    let mut xa = Served::of(&both, "XA");
    let settings = both.desk("XA").join("service.toml");
    let before = fs::read_to_string(&settings).unwrap();
    assert!(before.contains("roles = [\"draft\"]"), "{before}");
    wait(async {
        let client = Client::new(connect_unix(&xa.socket).await.unwrap());
        until("an answer", &client, Result::is_ok).await;
        fs::write(&settings, before.replace("\"draft\"", "\"observe\"")).unwrap();
        xa.reloads();
        let is_shut = |answer: &Result<(), Status>| {
            answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied)
        };
        until("a refusal", &client, is_shut).await;
        // What cannot be used changes nothing, and the next that can be is taken.
        fs::write(&settings, "listen = 17\n").unwrap();
        xa.reloads();
        fs::remove_file(&settings).unwrap();
        xa.reloads();
        fs::write(&settings, &before).unwrap();
        xa.reloads();
        until("an answer", &client, Result::is_ok).await;
    });
    assert!(xa.child.try_wait().unwrap().is_none(), "the service has ended");
    // The gateway vouches for what was read again, and for what came behind it.
    assert_eq!(both.types("XA", ["desk", "suspend", "local"]).code, 0);
    wait(eventually("the gateway to vouch for every act of the desk", async || {
        assert_eq!(both.types("XA", ["inbox"]).code, 0);
        let said = both.types("XA", ["log", "tail", "--administration", "-n", "64"]);
        let rows = |verb: &str| said.data.lines().filter(|row| row.contains(verb)).count();
        assert!(rows("RELOADED") >= 2 && rows("CLIENT_SUSPENDED") == 1, "{said:?}");
        !said.data.contains("not yet")
    }));
}

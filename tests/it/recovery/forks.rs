//! Two histories of one log: frozen, kept and provable.

use std::fs;

use chancery::desk::register::SentState;
use chancery::digest::Digest;
use chancery::gateway::standing::Standing;
use chancery::keys::file::FileNoteSigner;
use chancery::message::receipt::Receipt;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::relay_frame::Frame;
use chancery::tlog::checkpoint::Checkpoint;
use chancery::tlog::fork::ForkProof;
use chancery::tlog::verifier_key::{KeyName, VerifierKey};

use super::{alarms_named, delivered, forget, keep, memo, own_log, put_back};
use crate::support::bot::{Bot, Honest, Play, Playing};
use crate::support::craft::Craft;
use crate::support::{Stage, eventually, forms, ministry};

/// The log keys that a ministry announces.
fn announced(stage: &Stage, code: &str) -> Vec<VerifierKey> {
    let content = stage.world.bundle(&ministry(code)).unwrap().bundle().content();
    content.log_keys.iter().map(|key| VerifierKey::parse(key).unwrap()).collect()
}

async fn frozen(stage: &Stage, at: &str, peer: &str) {
    eventually(&format!("{at} freezes the pair with {peer}"), || async {
        stage.gateway(at).standing(&ministry(peer)) == Standing::Frozen
    })
    .await;
}

/// Two copies of a gateway that both run with the same keys sign two histories; whoever meets the second one has
/// the proof, and nothing passes any more, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_cloned_gateway_is_found_at_its_next_hello() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    let twin = keep(&mut stage, "XA").await;
    delivered(&stage, "XA", "XB", "Two.").await;
    crate::support::proofs::logs_agree(&stage).await;
    let size = own_log(&stage, "XA").await.size;
    // The twin runs apart from XB, signs another message for the same number, and then meets XB.
    stage.house_mut("XB").stop().await.unwrap();
    put_back(&mut stage, "XA", &twin).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.gateway("XA").confirm(&ministry("XB"), 0).await.unwrap();
    let channel = Craft::new(&stage, "XA", "XB");
    let last =
        stage.gateway("XA").last_position(channel.address.channel.as_str(), &ministry("XB")).await.unwrap();
    let other = channel.at(last.sequence + 1, last.message_id.map(Into::into)).signed(&stage);
    stage.gateway("XA").submit(&other.encode()).await.unwrap();
    assert_eq!(own_log(&stage, "XA").await.size, size);
    stage.house_mut("XB").start().await.unwrap();
    frozen(&stage, "XA", "XB").await;
    frozen(&stage, "XB", "XA").await;
    assert_eq!(alarms_named(stage.gateway("XA").status().await.unwrap().alarms, "OWN_LOG_FORK"), 1);
    assert_eq!(alarms_named(stage.gateway("XB").status().await.unwrap().alarms, "LOG_FORK"), 1);
    for at in ["XA", "XB"] {
        let [proof] = stage.gateway(at).fork_proofs(None).await.unwrap().try_into().unwrap();
        assert_eq!(proof.own, at == "XA");
        let fork = ForkProof::parse(&proof.text).unwrap().judge(&announced(&stage, "XA")).unwrap();
        assert_eq!(fork.size, size);
        assert!(ForkProof::parse(&proof.text).unwrap().judge(&announced(&stage, "XB")).is_err());
    }
    // The honest side's own message is not taken for the pair either, and a restart forgets nothing.
    stage.house_mut("XB").stop().await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    assert_eq!(stage.gateway("XB").standing(&ministry("XA")), Standing::Frozen);
    let refused = Craft::new(&stage, "XB", "XA").signed(&stage);
    let reason = match stage.gateway("XB").submit(&refused.encode()).await {
        Err(chancery::gateway::error::Declined::Refused(refusal)) => refusal.reason().word(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason, "CHANNEL_FROZEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_the_own_desk_that_contradicts_our_log_is_kept_and_told() {
    let mut stage = Stage::pair().await;
    delivered(&stage, "XA", "XB", "One.").await;
    crate::support::proofs::logs_agree(&stage).await;
    let kept = keep(&mut stage, "XA").await;
    stage.house_mut("XB").stop().await.unwrap();
    let two = memo(&stage, "XA", "XB", "Two.").await;
    // Its peer knows less than its desk, and somebody lets it sign: another leaf takes the place.
    put_back(&mut stage, "XA", &kept).await;
    forget(&stage, "XA");
    stage.house_mut("XA").start().await.unwrap();
    stage.gateway("XA").confirm(&ministry("XB"), 0).await.unwrap();
    stage.house_mut("XB").start().await.unwrap();
    delivered(&stage, "XB", "XA", "Heard.").await;
    let alarms = async || stage.gateway("XA").status().await.unwrap().alarms;
    assert_eq!(alarms_named(alarms().await, "OWN_LOG_FORK"), 0, "nobody has shown it yet");
    let receipt = Receipt::parse(&two.submission_receipt).unwrap();
    assert_eq!(
        stage.settled("XA", &two).await.state,
        SentState::Delivered,
        "it is handed over again all the same"
    );
    assert_eq!(alarms_named(alarms().await, "OWN_LOG_FORK"), 1);
    let home = stage.house("XA").homes().gateway.directory().to_owned();
    let proof = fs::read(home.join("forks/mfa.xa.example-chancery-xb-2026.receipt")).unwrap();
    assert_eq!(proof, receipt.encode());
    assert_eq!(stage.gateway("XA").standing(&ministry("XB")), Standing::Sound);
}

/// A peer that shows our own signature on a root that is not ours.
struct Accuser(String);

impl Play for Accuser {
    fn hello(&mut self, bot: &mut Bot, theirs: wire::Hello) -> Vec<Frame> {
        bot.told = bot.mirrored(&theirs);
        vec![Frame::Hello(bot.hello(std::slice::from_ref(&self.0)))]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_signature_on_another_root_freezes_us_and_the_command_line_proves_it_offline() {
    let mut stage = Stage::apart(&["XA", "XB"], |_| {});
    let playing = Playing::begin(&stage, "XB", "XA", Honest).await;
    stage.house_mut("XA").start().await.unwrap();
    stage.accredit("XA", "XB").await;
    stage.sound("XA", "XB").await;
    let [sent] = stage.send("XA", &forms::memorandum("XB", "new", "One.")).await.try_into().unwrap();
    stage.settled("XA", &sent).await;
    let key = FileNoteSigner::open(&stage.house("XA").homes().gateway.log_key()).unwrap();
    let origin = KeyName::parse("mfa.xa.example/chancery/xb/2026").unwrap();
    let other = Checkpoint { origin, size: 1, root: Digest::of(b"another history") };
    playing.play(Accuser(other.sign(&key)));
    stage.house_mut("XA").stop().await.unwrap();
    stage.house_mut("XA").start().await.unwrap();
    frozen(&stage, "XA", "XB").await;

    let says = async |args: Vec<String>| {
        let home = stage.house("XA").homes().gateway.directory().to_owned();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chancery"));
        command.arg("--home").arg(home).args(args).env_clear().stdin(std::process::Stdio::null());
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };
    let file = stage.folder().join("xa.fork");
    let (path, trust) = (file.display().to_string(), stage.folder().join("xa.bundle"));
    fs::write(&trust, stage.world.bundle(&ministry("XA")).unwrap().to_bytes()).unwrap();
    let wrote = says(["log", "fork", "XB", "-o", &path].map(str::to_owned).to_vec()).await;
    assert_eq!(wrote.status.code(), Some(0), "{wrote:?}");
    let verify = |file: &str, trust: &std::path::Path| {
        ["verify", file, "--trust", &trust.display().to_string()].map(str::to_owned).to_vec()
    };
    let proven = says(verify(&path, &trust)).await;
    assert_eq!(proven.status.code(), Some(0), "{proven:?}");
    let policy = stage.folder().join("policy");
    fs::write(&policy, announced(&stage, "XA").iter().map(|key| format!("log {key}\n")).collect::<String>())
        .unwrap();
    checked_without_our_code(&file, &policy);
    let stranger = stage.folder().join("xb.bundle");
    fs::write(&stranger, stage.world.bundle(&ministry("XB")).unwrap().to_bytes()).unwrap();
    assert_eq!(says(verify(&path, &stranger)).await.status.code(), Some(4));
    let altered = fs::read_to_string(&file).unwrap().replacen("\n1\n", "\n2\n", 1);
    fs::write(&file, altered).unwrap();
    assert_eq!(says(verify(&path, &trust)).await.status.code(), Some(3));
}

fn checked_without_our_code(proof: &std::path::Path, policy: &std::path::Path) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verify_fork.py");
    let python = |args: &[&std::ffi::OsStr]| {
        std::process::Command::new("python3").env("PYTHONDONTWRITEBYTECODE", "1").args(args).output()
    };
    let usable = python(&["-c".as_ref(), "import cryptography".as_ref()]);
    if !usable.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED docs/verify_fork.py: python3 with cryptography not found");
        return;
    }
    let output = python(&[script.as_ref(), proof.as_os_str(), policy.as_os_str()]).unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = python(&[script.as_ref(), proof.as_os_str(), "/dev/null".as_ref()]).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

//! The story, after a piece of news: two ministries are founded and accredit each other; what they say to each other
//! is in `opening`, `agreeing` and `handover`. Then the proof is checked, by us and without us.

use std::fs;
use std::path::{Path, PathBuf};

use crate::rehearsal::demo::cast::{ANYBODY, Side, XA, XB, line, refused};
use crate::rehearsal::demo::notes::Notes;
use crate::rehearsal::demo::stage::{Audience, DemoFailure, Prompt, RunningGateway, Stage, free_ports};
use crate::rehearsal::demo::{Demo, agreeing, handover, opening, papers};

/// Marks a folder as made by the demonstration.
const MARK: &str = ".chancery-demo";
/// The passphrase of all keys of the demonstration. A ministry's own is typed or read from a closed file.
const PASSPHRASE: &str = "correct horse battery staple";

/// Plays the whole story.
pub(super) async fn play(demo: &Demo, audience: &dyn Audience) -> Result<(), DemoFailure> {
    let folder = prepare(&demo.folder, demo.fresh)?;
    let stage = Stage { folder, executable: &demo.executable, audience };
    introduce(&stage);
    found(&stage).await?;
    audience.scene("Two gateways");
    let gateways =
        [stage.start_gateway("XA", "xa/gateway").await?, stage.start_gateway("XB", "xb/gateway").await?];
    for gateway in &gateways {
        audience.told(&format!("The gateway of {} runs as process {}.", gateway.ministry, gateway.pid));
    }
    accredit(&stage).await?;
    let consultation = consult(&stage).await?;
    prove(&stage, &consultation).await?;
    without_us(&stage).await?;
    close(&stage, gateways, demo.keep).await
}

/// Makes the folder. One that exists is only replaced where it was asked for and is ours.
fn prepare(folder: &Path, fresh: bool) -> Result<PathBuf, DemoFailure> {
    let shown = || folder.display().to_string();
    if folder.exists() {
        if !fresh {
            return Err(DemoFailure::FolderExists(folder.to_owned()));
        }
        if !folder.join(MARK).exists() {
            return Err(DemoFailure::NotOurs(folder.to_owned()));
        }
        fs::remove_dir_all(folder).map_err(DemoFailure::system(shown()))?;
    }
    fs::create_dir_all(folder).map_err(DemoFailure::system(shown()))?;
    let folder = folder.canonicalize().map_err(DemoFailure::system(shown()))?;
    fs::write(folder.join(MARK), "").map_err(DemoFailure::system(shown()))?;
    Ok(folder)
}

fn introduce(stage: &Stage<'_>) {
    stage.audience.told(&format!(
        "Two fictional ministries, XA (receiving Power) and XB (detaining Power), in {}.\n\
         Every command below can be typed by hand in that folder; at a desk or gateway, with\n\
         CHANCERY_HOME set to its home and CREDENTIALS_DIRECTORY to the folder of its passphrase.",
        stage.folder.display()
    ));
}

/// Founds both ministries: root, authorities, gateway, desk, trust bundle.
async fn found(stage: &Stage<'_>) -> Result<(), DemoFailure> {
    stage.audience.scene("Two ministries are founded, each with its own root");
    let [relay_a, mailbox_a, relay_b, mailbox_b] = free_ports()?.map(|port| format!("127.0.0.1:{port}"));
    for side in [&XA, &XB] {
        let name = format!("{}/passphrase", side.root.credentials);
        stage.write(&name, PASSPHRASE.as_bytes())?;
        close_to_others(&stage.folder.join(&name))?;
    }
    let founding = |side: &Side| {
        let (code, name, domain) = (side.code, side.name, side.domain);
        let root = if code == "XA" { "xa/root" } else { "xb/root" };
        line(side.root, &["init", "ministry", "--ministry", code, "--name", name, "--domain", domain, root])
    };
    stage.run_both(founding(&XA), founding(&XB)).await?;
    let gateway = |side: &Side, relay, mailbox| {
        let (code, domain) = (side.code, side.domain);
        let arguments = [
            "init",
            "gateway",
            "--ministry",
            code,
            "--domain",
            domain,
            "--relay",
            relay,
            "--mailbox",
            mailbox,
        ];
        line(side.gateway, &arguments)
    };
    stage.run_both(gateway(&XA, &relay_a, &mailbox_a), gateway(&XB, &relay_b, &mailbox_b)).await?;
    let desk = |side: &Side, mailbox| {
        let (code, domain) = (side.code, side.domain);
        line(side.desk, &["init", "desk", "--ministry", code, "--domain", domain, "--gateway", mailbox])
    };
    stage.run_both(desk(&XA, &mailbox_a), desk(&XB, &mailbox_b)).await?;
    for home in ["gateway", "desk"] {
        let (a, b) = (format!("xa/{home}"), format!("xb/{home}"));
        let enrol =
            |side: &Side, root, home| line(side.root, &["desk", "enrol", "--ministry-home", root, home]);
        stage.run_both(enrol(&XA, "xa/root", &a), enrol(&XB, "xb/root", &b)).await?;
    }
    let sign = |side: &Side, root, gateway, desk, output| {
        let arguments =
            ["trust", "sign", "--ministry-home", root, "--gateway", gateway, "--desk", desk, "-o", output];
        line(side.root, &arguments)
    };
    let a = sign(&XA, "xa/root", "xa/gateway", "xa/desk", "xa.bundle");
    let b = sign(&XB, "xb/root", "xb/gateway", "xb/desk", "xb.bundle");
    stage.run_both(a, b).await?;
    Ok(())
}

/// Each side accepts the other's bundle after its fingerprint was compared.
async fn accredit(stage: &Stage<'_>) -> Result<(), DemoFailure> {
    stage.audience.scene("They accredit each other");
    stage.audience.told("XB reads its root fingerprint aloud over the telephone; XA compares:");
    stage.run(line(XB.desk, &["peer", "inspect", "xb.bundle"])).await?;
    let print_a = fingerprint(stage, XA.desk, "xa.bundle").await?;
    let print_b = fingerprint(stage, XB.desk, "xb.bundle").await?;
    let a = line(XA.desk, &["peer", "add", "xb.bundle", "--fingerprint", &print_b]);
    let b = line(XB.desk, &["peer", "add", "xa.bundle", "--fingerprint", &print_a]);
    stage.run_both(a, b).await?;
    stage.run(line(XA.gateway, &["peer", "ping", "XB"])).await?;
    for (bundle, kept) in [("xa.bundle", "trust/XA.bundle"), ("xb.bundle", "trust/XB.bundle")] {
        let path = stage.folder.join(bundle);
        let bytes = fs::read(&path).map_err(DemoFailure::system(path.display().to_string()))?;
        stage.write(kept, &bytes)?;
    }
    Ok(())
}

async fn fingerprint(stage: &Stage<'_>, prompt: Prompt, bundle: &str) -> Result<String, DemoFailure> {
    let seen = stage.ask(prompt, &["peer", "inspect", bundle]).await?;
    text(&seen, "fingerprint").ok_or_else(|| DemoFailure::Silent("peer inspect".to_owned(), "a fingerprint"))
}

/// The whole road, from a position to matching reports. Gives the consultation.
async fn consult(stage: &Stage<'_>) -> Result<String, DemoFailure> {
    papers::lay_out(stage)?;
    let mut notes = Notes::new(stage);
    opening::convey(&mut notes).await?;
    opening::open(&mut notes).await?;
    opening::register(&mut notes).await?;
    agreeing::wishes(&mut notes).await?;
    agreeing::request(&mut notes).await?;
    agreeing::agree(&mut notes).await?;
    handover::arrange(&mut notes).await?;
    handover::withdraw(&mut notes).await?;
    handover::clear(&mut notes).await?;
    handover::hand_over(&mut notes).await?;
    Ok(notes.known("CONSULTATION").to_owned())
}

/// The evidence file: good, altered, and of unknown origin.
async fn prove(stage: &Stage<'_>, consultation: &str) -> Result<(), DemoFailure> {
    stage.audience.scene("The whole consultation as evidence");
    let export = ["export", consultation, "--disclose", "-o", "evidence.zip"];
    stage.run(line(XA.desk, &export)).await?;
    stage.run(line(ANYBODY, &["verify", "--trust", "trust", "evidence.zip"])).await?;
    stage.audience.told("A copy with one byte changed:");
    let path = stage.folder.join("evidence.zip");
    let mut bytes = fs::read(&path).map_err(DemoFailure::system("evidence.zip"))?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    stage.write("altered.zip", &bytes)?;
    stage.run(refused(3, ANYBODY, &["verify", "--trust", "trust", "altered.zip"])).await?;
    stage.audience.told("The file alone, without anybody to trust:");
    stage.run(refused(4, ANYBODY, &["verify", "evidence.zip"])).await?;
    Ok(())
}

/// How to check and open the same things without Chancery.
async fn without_us(stage: &Stage<'_>) -> Result<(), DemoFailure> {
    stage.audience.scene("Without Chancery");
    let export = ["key", "export", "-o", "xa-reading.agekey", "--yes"];
    stage.run(line(XA.desk, &export)).await?;
    let path = stage.folder.join("evidence.zip");
    let file = fs::File::open(&path).map_err(DemoFailure::system("evidence.zip"))?;
    let unreadable = || DemoFailure::Silent("export".to_owned(), "how to check without us");
    let commands = papers::commands_without_us(file).ok_or_else(unreadable)?;
    stage.write("without-chancery.sh", commands.as_bytes())?;
    stage.audience.told(
        "openssl, Python (package cryptography) and node (package age-encryption) check and open\n\
         the same file. All the commands are in without-chancery.sh, which says what it skips where node is not\n\
         here; these are some of them:\n",
    );
    stage.audience.answered(&excerpt(&commands));
    Ok(())
}

/// The commands about the first message, and those that open its first part.
fn excerpt(commands: &str) -> String {
    let mut seen = 0_usize;
    let first: Vec<&str> = commands
        .lines()
        .take_while(|line| {
            seen = seen.saturating_add(usize::from(line.starts_with("# ")));
            seen < 2
        })
        .collect();
    let with = |key: &'static str| {
        commands
            .lines()
            .filter_map(|line| line.strip_prefix(papers::OPENS))
            .find(|line| line.starts_with("node ") && line.split_whitespace().any(|word| word.ends_with(key)))
    };
    first.into_iter().chain(with(".key")).chain(with(".agekey")).collect::<Vec<_>>().join("\n")
}

/// Stops the gateways, or says how to go on.
async fn close(stage: &Stage<'_>, gateways: [RunningGateway; 2], keep: bool) -> Result<(), DemoFailure> {
    stage.audience.scene("The end");
    let folder = stage.folder.display();
    if keep {
        let pids: Vec<String> = gateways.iter().map(|gateway| gateway.pid.to_string()).collect();
        stage.audience.told(&format!(
            "The gateways go on running. To continue by hand as XA:\n\n\
             \x20 cd {folder}\n\
             \x20 export CHANCERY_HOME={folder}/xa/desk CREDENTIALS_DIRECTORY={folder}/xa\n\
             \x20 chancery inbox\n\
             \x20 chancery --home xa/gateway status\n\n\
             As XB, with xb in place of xa. To end: kill {}",
            pids.join(" ")
        ));
        for gateway in gateways {
            gateway.leave();
        }
        return Ok(());
    }
    for gateway in gateways {
        gateway.stop().await?;
    }
    stage.audience.told(&format!("Both gateways have stopped. Everything is left in {folder}."));
    Ok(())
}

fn text(value: &serde_json::Value, field: &str) -> Option<String> {
    value.get(field).and_then(serde_json::Value::as_str).map(str::to_owned)
}

fn close_to_others(path: &Path) -> Result<(), DemoFailure> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(DemoFailure::system(path.display().to_string()))
}

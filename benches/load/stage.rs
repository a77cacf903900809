//! Two ministries on this machine, founded once and copied for every run, with their gateways as processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chancery::digest::Digest;
use chancery::entropy::SystemEntropy;
use chancery::gateway::store::WriterCounts;
use chancery::keys::Passphrase;
use chancery::keys::ministry::Founding;
use chancery::message::terms::Level;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::operator_service_client::OperatorServiceClient;
use chancery::rehearsal::founding::{Homes, Plan};
use chancery::rehearsal::house::House;
use chancery::rehearsal::world::World;
use chancery::time::{Clock, SystemClock};
use chancery::transport::channel::connect_unix;
use chancery::trust::name::{Domain, Ministry};
use chancery::trust::policy::{ChannelId, ChannelPolicy, ChannelRule, SignedPolicy};
use rustix::process::{Pid, Signal, kill_process};

use crate::Outcome;
use crate::envelopes::Mint;
use crate::options::Options;
use crate::process::Reading;
use crate::stored::widen;

/// Channels of the two: one for each message that is under way at once, and one for desks, whose registers must
/// know every number.
const CHANNELS: usize = 257;
pub const DESK_CHANNEL: usize = CHANNELS - 1;

/// What opens every key.
pub const PASSPHRASE: &str = "correct horse battery";

/// How long a gateway may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(120);
const LOOK_PAUSE: Duration = Duration::from_millis(2);

pub struct Stage {
    /// Of this run.
    pub folder: PathBuf,
    /// Of all runs with these ministries.
    pub cache: PathBuf,
    pub world: World,
    pub sender: Ministry,
    pub recipient: Ministry,
    pub channels: Vec<ChannelId>,
    gateways: BTreeMap<Ministry, Gateway>,
    mint: Option<Mint>,
}

/// A gateway that runs.
struct Gateway {
    child: Child,
    home: PathBuf,
}

/// What a gateway and its process have done so far.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    pub process: Reading,
    pub writer: WriterCounts,
}

impl Stage {
    /// Founds or copies the ministries into a folder of this name, starts both gateways and lets them believe each
    /// other.
    pub async fn set(options: &Options, name: &str) -> Outcome<Self> {
        let folder = options.dir.join(name);
        let _nothing_there = fs::remove_dir_all(&folder);
        Self::raise(options, &folder, "").await
    }

    /// The same in a folder that may hold the ministries of an earlier run, with further keys of the table `[store]`
    /// for the gateways.
    pub async fn raise(options: &Options, folder: &Path, store: &str) -> Outcome<Self> {
        let cache = options.dir.clone();
        let (mould, folder) = (cache.join("mould"), folder.to_owned());
        let (sender, recipient) = (Ministry::parse("XA")?, Ministry::parse("XB")?);
        if !mould.join("whole").exists() {
            eprintln!("founding two ministries in {}", mould.display());
            let _nothing_there = fs::remove_dir_all(&mould);
            let _made_for_others = fs::remove_dir_all(cache.join("envelopes"));
            for ministry in [&sender, &recipient] {
                let place = mould.join(ministry.lower());
                Homes::found(&place, &plan(ministry)?, &passphrase()?, SystemClock.now(), &SystemEntropy)?;
            }
            File::create(mould.join("whole"))?;
        }
        if !folder.exists() {
            copy(&mould, &folder)?;
        }
        let mut houses = Vec::new();
        for ministry in [&sender, &recipient] {
            let homes = Homes::below(&folder.join(ministry.lower()));
            let house = house(homes, plan(ministry)?)?;
            widen(&house.homes().gateway.config(), store)?;
            houses.push(house);
        }
        let world = World::assemble(houses)?;
        let mut stage = Self {
            folder,
            cache,
            world,
            sender,
            recipient,
            channels: Vec::new(),
            gateways: BTreeMap::new(),
            mint: None,
        };
        for ministry in [stage.sender.clone(), stage.recipient.clone()] {
            stage.start(&ministry)?;
        }
        stage.join().await?;
        Ok(stage)
    }

    /// Starts a gateway; answers how long that took until it listens.
    pub fn start(&mut self, ministry: &Ministry) -> Outcome<Duration> {
        let home = self.world.house(ministry)?.homes().gateway.directory().to_owned();
        let endpoint = home.join("run/endpoint");
        let _nothing_there = fs::remove_file(&endpoint);
        let began = std::time::Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_chancery"))
            .args(["gateway-run", "--home"])
            .arg(&home)
            // As `etc/chancery-gateway.service` has it.
            .env("MALLOC_ARENA_MAX", "2")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(home.join("gateway.log"))?)
            .spawn()?;
        while !endpoint.exists() {
            if child.try_wait()?.is_some() || began.elapsed() > START_PATIENCE {
                return Err(format!("the gateway did not start; see {}/gateway.log", home.display()).into());
            }
            pause();
        }
        let took = began.elapsed();
        self.gateways.insert(ministry.clone(), Gateway { child, home });
        Ok(took)
    }

    /// Asks a gateway to end and waits until it has.
    pub fn end(&mut self, ministry: &Ministry) -> Outcome<()> {
        let Some(mut gateway) = self.gateways.remove(ministry) else { return Ok(()) };
        gateway.terminate()?;
        Ok(())
    }

    /// Ends both gateways.
    pub fn stop(&mut self) -> Outcome<()> {
        for ministry in [self.sender.clone(), self.recipient.clone()] {
            self.end(&ministry)?;
        }
        Ok(())
    }

    /// What makes envelopes; to be given back by `keep`, because it counts.
    pub fn mint(&mut self) -> Outcome<Mint> {
        match self.mint.take() {
            Some(mint) => Ok(mint),
            None => Mint::open(self),
        }
    }

    pub fn keep(&mut self, mint: Mint) {
        self.mint = Some(mint);
    }

    pub fn house(&self, ministry: &Ministry) -> Outcome<&House> {
        Ok(self.world.house(ministry)?)
    }

    pub fn pid(&self, ministry: &Ministry) -> Outcome<u32> {
        Ok(self.gateways.get(ministry).ok_or("the gateway does not run")?.child.id())
    }

    /// What the gateway of a ministry has done so far.
    pub async fn account(&self, ministry: &Ministry) -> Outcome<Account> {
        let gateway = self.gateways.get(ministry).ok_or("the gateway does not run")?;
        let process = Reading::of(gateway.child.id())?;
        let channel = connect_unix(&gateway.home.join("run/operator.sock")).await?;
        let status = OperatorServiceClient::new(channel).get_status(wire::GetStatusRequest {}).await?;
        let wire::WriterCounts { commits, jobs, checkpoints, waiting } =
            status.into_inner().writer.unwrap_or_default();
        Ok(Account { process, writer: WriterCounts { commits, jobs, checkpoints, waiting } })
    }

    /// Accredits each at the other as desks do, then puts the further channels in force.
    async fn join(&mut self) -> Outcome<()> {
        for (at, peer) in [(&self.sender, &self.recipient), (&self.recipient, &self.sender)] {
            let channel = self.world.accredit(at, peer, Level::Confidential).await?;
            if self.channels.is_empty() {
                let more =
                    (1..CHANNELS).map(|number| ChannelId::between(&[Digest::of(&number.to_be_bytes())]));
                self.channels = std::iter::once(channel).chain(more).collect();
            }
        }
        for (at, peer) in [(&self.sender, &self.recipient), (&self.recipient, &self.sender)] {
            self.charter(at, peer).await?;
        }
        Ok(())
    }

    async fn charter(&self, at: &Ministry, peer: &Ministry) -> Outcome<()> {
        let house = self.world.house(at)?;
        let rule = ChannelRule {
            parties: BTreeSet::from([at.clone(), peer.clone()]),
            ceiling: u32::try_from(Level::Confidential.number())?,
            suspended: false,
        };
        let channels = self.channels.iter().map(|channel| (channel.clone(), rule.clone())).collect();
        let theirs = self.world.bundle(peer)?;
        let peers = BTreeMap::from([(peer.clone(), theirs.digest())]);
        let now = SystemClock.now();
        let sequence = house.desk()?.trust()?.policy.map_or(0, |policy| policy.sequence()) + 1;
        let policy = ChannelPolicy::new(at.clone(), sequence, now, channels, peers)?;
        let signed = SignedPolicy::issue(policy, house.keys().registry()?.as_ref(), now)?;
        let own = self.world.bundle(at)?.to_bytes();
        let mut mailbox = house.desk()?.mailbox(house.keys()).await?;
        mailbox.accredit(own, signed.to_bytes(), vec![theirs.to_bytes()]).await?;
        fs::write(house.desk()?.config().policy(), signed.to_bytes())?;
        Ok(())
    }

    pub fn hold(&self) -> Outcome<()> {
        for (ministry, gateway) in &self.gateways {
            eprintln!("gateway of {ministry}: process {}", gateway.child.id());
        }
        eprintln!("Enter goes on");
        std::io::stdin().read_line(&mut String::new())?;
        Ok(())
    }
}

impl Gateway {
    fn terminate(&mut self) -> Outcome<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).ok_or("no process")?;
        kill_process(pid, Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Ended already, or killed now: a run that fails leaves nothing behind.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub fn passphrase() -> Outcome<Passphrase> {
    Ok(Passphrase::new(PASSPHRASE)?)
}

pub fn house(homes: Homes, plan: Plan) -> Outcome<House> {
    Ok(House::open(homes, plan, passphrase()?, Arc::new(SystemClock), Arc::new(SystemEntropy))?)
}

fn plan(ministry: &Ministry) -> Outcome<Plan> {
    let founding = Founding {
        ministry: ministry.clone(),
        display_name: format!("Ministry of Foreign Affairs of {ministry}"),
        domain: Domain::parse(&format!("mfa.{}.example", ministry.lower()))?,
    };
    Ok(Plan::new(founding, &free_address()?, &free_address()?)?)
}

/// An address on loopback that nobody listens at now.
pub fn free_address() -> Outcome<String> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let (entry, to) = (entry?, to);
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A moment; nothing tells when a file appears.
fn pause() {
    std::thread::park_timeout(LOOK_PAUSE);
}

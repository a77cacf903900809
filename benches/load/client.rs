//! The load's end of the connection to a gateway: submits, and hears what is settled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use chancery::limits;
use chancery::message::id::MessageId;
use chancery::proto::gateway::v1 as wire;
use chancery::proto::gateway::v1::mailbox_service_client::MailboxServiceClient;
use chancery::time::SystemClock;
use chancery::transport::anchors::PeerAnchors;
use chancery::transport::channel::connect;
use chancery::transport::credentials::{CredentialStore, Material};
use chancery::trust::name::Ministry;
use tokio::sync::oneshot;
use tonic::transport::Channel;

use crate::Outcome;
use crate::stage::Stage;

/// Who waits for which message.
type Waiting = Arc<Mutex<BTreeMap<Vec<u8>, oneshot::Sender<Instant>>>>;

#[derive(Clone)]
pub struct Client {
    pub mailbox: MailboxServiceClient<Channel>,
    waiting: Waiting,
}

impl Client {
    /// Connects as the desk of a ministry to its gateway and listens to what is settled.
    pub async fn of(stage: &Stage, ministry: &Ministry) -> Outcome<Self> {
        let address = stage.house(ministry)?.plan().mailbox.clone();
        let mut client = Self::at(stage, ministry, &address).await?;
        let mut settled = client.mailbox.watch_sent(wire::WatchSentRequest {}).await?.into_inner();
        settled.message().await?.ok_or("the gateway does not tell what is settled")?;
        let waiting = client.waiting.clone();
        tokio::spawn(async move {
            while let Ok(Some(answer)) = settled.message().await {
                if answer.missed {
                    eprintln!("load: some settlements were missed; whoever waits for them waits in vain");
                }
                let now = Instant::now();
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                for message in answer.settled {
                    if let Some(waiter) = waiting.remove(&message.message_id) {
                        // It may have stopped waiting.
                        let _gone = waiter.send(now);
                    }
                }
            }
        });
        Ok(client)
    }

    /// Connects to whatever listens at `address` with the gateway certificate of the ministry.
    pub async fn at(stage: &Stage, ministry: &Ministry, address: &str) -> Outcome<Self> {
        let identity = stage.house(ministry)?.keys().access()?;
        let bundle = stage.world.bundle(ministry)?.bundle();
        let mut peers = PeerAnchors::new();
        peers.insert(bundle.domain(), bundle.transport_anchors().clone())?;
        let source =
            Box::new(move || Ok(Material { identity: identity.clone(), peers: peers.clone(), desks: None }));
        let (_, credentials) = CredentialStore::open(source, Arc::new(SystemClock))?;
        let channel = connect(address, ministry, &credentials).await?;
        let mailbox = MailboxServiceClient::new(channel)
            .max_decoding_message_size(limits::MAILBOX_ANSWER_BYTES_MAX)
            .max_encoding_message_size(limits::FRAME_BYTES_MAX);
        Ok(Self { mailbox, waiting: Waiting::default() })
    }

    /// The instant at which a message will be heard to be settled. To be asked before it is submitted.
    pub fn settled(&self, id: &MessageId) -> oneshot::Receiver<Instant> {
        let (waiter, settled) = oneshot::channel();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(id.as_bytes().to_vec(), waiter);
        settled
    }

    /// Hands over one envelope.
    pub async fn submit(&mut self, envelope: Vec<u8>) -> Outcome<()> {
        let answer = self
            .mailbox
            .submit(wire::SubmitRequest { envelope, earlier_receipt: Vec::new() })
            .await?
            .into_inner();
        if answer.receipt.is_empty() { Err("no receipt".into()) } else { Ok(()) }
    }
}

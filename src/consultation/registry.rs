//! What registries say to each other. Frozen formats.

use crate::consultation::opaque;
use crate::consultation::text::ShortText;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;

/// Confirms that the receiving registry took a message in charge; never implied by delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryReceipt {
    /// The message taken in charge.
    pub message_id: MessageId,
    /// SHA-256 of the exact bytes of its dispatch: shows that it was opened.
    pub dispatch_digest: Digest,
    /// Number under which the receiving registry entered it.
    pub registry_number: ShortText,
    /// When it was entered.
    pub register_time: Timestamp,
    /// Whether it was opened; false for a message registered unread.
    pub opened: bool,
}

opaque!(RegistryReceipt);

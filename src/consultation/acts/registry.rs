//! What registries say to each other (GC III Art. 122: writings of Bureaux are authenticated).

use crate::consultation::acts::law::Refusal;
use crate::consultation::acts::values::{ActRef, Stated};
use crate::consultation::codec::record::record;
use crate::consultation::list::List;
use crate::consultation::text::{ShortText, Text};
use crate::consultation::words::Urgency;
use crate::digest::Digest;
use crate::message::id::MessageId;
use crate::time::Timestamp;
use crate::trust::name::Ministry;

record! {
    /// Confirms that the receiving registry took a message in charge; never implied by delivery.
    pub struct RegistryReceipt {
        message_id: MessageId,
        dispatch_digest: Digest,
        registry_number: ShortText,
        register_time: Timestamp,
        opened: Stated,
    }
}

record! {
    /// Answers a normative act that fails a rule at the receiver.
    pub struct RuleRejection {
        message_id: MessageId,
        dispatch_digest: Digest,
        refusals: List<Refusal, 1>,
    }
}

record! {
    /// Corrects a text of an act sent before.
    pub struct Corrigendum {
        corrects: ActRef,
        field_path: ShortText,
        old_text: Option<Text>,
        new_text: Text,
    }
}

record! {
    /// Withdraws a note that awaits its answer.
    pub struct NoteWithdrawal {
        withdraws: ActRef,
        reason: Option<Text>,
    }
}

record! {
    /// States that nobody at one addressee acknowledged an urgent message in its time.
    pub struct NonAcknowledgement {
        message_id: MessageId,
        dispatch_digest: Digest,
        precedence: Urgency,
        due_time: Timestamp,
        addressee: Ministry,
    }
}

impl NonAcknowledgement {
    /// The act that was not acknowledged, as others name it.
    pub fn act(&self) -> ActRef {
        ActRef::new(self.dispatch_digest)
    }
}

//! Recovery: where a peer will get its own log and messages back, and we ours. Neither end is built: a peer that
//! sends such a frame is refused, and a gateway that was rolled back raises an alarm and goes no further.

use crate::gateway::Gateway;
use crate::gateway::error::Fault;
use crate::gateway::frame::{Copied, CopyRequest};
use crate::trust::name::Ministry;

impl Gateway {
    /// What this gateway holds of the peer's own log, from the leaf that it asks for on.
    pub(super) async fn copy_for(&self, _peer: &Ministry, _request: CopyRequest) -> Result<Copied, Fault> {
        Err(Fault::Link("the peer sent a frame out of turn".to_owned()))
    }

    /// Takes leaves of our own log back from the peer; what to ask for next, where anything is missing still.
    pub(super) async fn take_copy(
        &self,
        _peer: &Ministry,
        _copied: Copied,
    ) -> Result<Option<CopyRequest>, Fault> {
        Err(Fault::Link("the peer sent a frame out of turn".to_owned()))
    }
}

//! Wire types generated from `proto/`, one module per package; nothing here is written by hand.
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::restriction, unreachable_pub)]

/// Acts, inside the seal.
pub mod consultation {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chancery.consultation.v1");
    }
}

/// Envelopes, dispatches, leaves and receipts.
pub mod message {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chancery.message.v1");
    }
}

/// Trust bundles and channel policies.
pub mod trust {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chancery.trust.v1");
    }
}

/// Services of the gateway.
pub mod gateway {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chancery.gateway.v1");
    }
}

/// The service of the desk for the ministry's own systems.
pub mod desk {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("chancery.desk.v1");
    }
}

/// The compiled descriptors of all packages (a serialized `google.protobuf.FileDescriptorSet`).
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

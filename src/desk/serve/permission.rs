//! Who may call what: one row for every call of the service, and nothing is allowed that has no row.
//!
//! `guard` enforces the table before a handler sees anything of a call; a test walks the descriptors of `proto/` and
//! fails on a call without a row. To add a call, add its row here.

use crate::limits;
use crate::trust::role::Role;

/// One call and who may make it.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Full name of the service.
    pub service: &'static str,
    /// Name of the call.
    pub method: &'static str,
    /// Roles of which a client needs one.
    pub roles: &'static [Role],
    /// How many of it one client may have under way.
    pub at_once: usize,
}

/// The row of a call, by the path of its request.
pub fn row_of(path: &str) -> Option<(usize, &'static Row)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    TABLE.iter().enumerate().find(|(_, row)| row.service == service && row.method == method)
}

/// Every call that any client may make.
pub static TABLE: &[Row] = &[
    call("ValidateDraft", &[Role::Draft]),
    call("CreateDraft", &[Role::Draft]),
    call("GetDraft", OFFICE_WORK),
    call("ListDrafts", OFFICE_WORK),
    call("ClearDraft", &[Role::Clear]),
    call("AddSignature", &[Role::Clear]),
    call("RebaseDraft", &[Role::Draft]),
    call("CancelDraft", &[Role::Draft]),
    call("ReleaseDraft", &[Role::Release]),
    call("SendProtectiveAct", &[Role::Release]),
    call("WithdrawNote", &[Role::Release]),
    call("ListConsultations", &[Role::Read]),
    call("GetConsultation", &[Role::Read]),
    call("ListCases", &[Role::Read]),
    call("GetCase", &[Role::Read]),
    call("CheckDeparture", &[Role::Read]),
    call("ListMessages", REGISTERED),
    call("GetMessage", REGISTERED),
    call("SearchMessages", &[Role::Read]),
    call("GetUpload", &[Role::Draft]),
    stream("UploadDocument", &[Role::Draft]),
    stream("DownloadDocument", &[Role::Read, Role::Draft, Role::Clear, Role::Release]),
    stream("WatchEvents", &[Role::Observe, Role::Read, Role::Register, Role::Audit]),
    call("GetReceipts", &[Role::Register, Role::Audit]),
    stream("ExportEvidence", &[Role::Audit]),
    Row { service: "grpc.health.v1.Health", ..call("Check", &Role::ALL) },
    Row { service: "grpc.health.v1.Health", ..stream("Watch", &Role::ALL) },
    Row { service: "grpc.reflection.v1alpha.ServerReflection", ..stream("ServerReflectionInfo", &Role::ALL) },
    Row { service: "grpc.reflection.v1.ServerReflection", ..stream("ServerReflectionInfo", &Role::ALL) },
];

/// Whoever works on drafts sees them.
pub(super) const OFFICE_WORK: &[Role] = &[Role::Draft, Role::Clear, Role::Release];

/// Whoever keeps registers sees what is registered; what messages say is for `read` alone.
const REGISTERED: &[Role] = &[Role::Read, Role::Register, Role::Audit];

const fn call(method: &'static str, roles: &'static [Role]) -> Row {
    let at_once = limits::SERVICE_CALLS_PER_CLIENT_MAX;
    Row { service: "chancery.desk.v1.DeskService", method, roles, at_once }
}

const fn stream(method: &'static str, roles: &'static [Role]) -> Row {
    Row { at_once: limits::SERVICE_STREAMS_PER_CLIENT_MAX, ..call(method, roles) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message;

    use super::*;

    #[test]
    fn every_call_of_the_service_has_one_row() {
        let set = prost_types::FileDescriptorSet::decode(crate::proto::DESCRIPTORS).unwrap();
        let mut paths = BTreeSet::new();
        for file in set.file.iter().filter(|file| file.package() == "chancery.desk.v1") {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    assert!(row_of(&path).is_some(), "{path} has no row in desk/serve/permission.rs");
                    paths.insert(path);
                }
            }
        }
        assert!(paths.len() >= 20);
        let listed: Vec<String> =
            TABLE.iter().map(|row| format!("/{}/{}", row.service, row.method)).collect();
        assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "a call has two rows");
        for path in listed.iter().filter(|path| !path.contains("/grpc.")) {
            assert!(paths.contains(path), "{path} is no call");
        }
    }

    #[test]
    fn every_call_needs_a_role_and_every_role_opens_something_of_its_own() {
        for row in TABLE {
            assert!(!row.roles.is_empty() && row.at_once > 0, "{}", row.method);
        }
        for role in Role::ALL {
            let opens = |row: &&Row| row.roles.contains(&role) && row.roles.len() < Role::ALL.len();
            assert!(TABLE.iter().any(|row| opens(&row)), "{role} opens nothing");
        }
        // Nobody changes anything who only looks.
        let changing = [
            "CreateDraft",
            "ClearDraft",
            "AddSignature",
            "CancelDraft",
            "ReleaseDraft",
            "SendProtectiveAct",
            "WithdrawNote",
        ];
        for row in TABLE.iter().filter(|row| changing.contains(&row.method)) {
            assert_eq!(row.roles.len(), 1, "{}", row.method);
            assert!(OFFICE_WORK.contains(&row.roles[0]), "{}", row.method);
        }
    }

    #[test]
    fn other_paths_have_no_row() {
        for path in
            ["", "/", "/chancery.desk.v1.DeskService/getDraft", "/chancery.gateway.v1.MailboxService/Submit"]
        {
            assert!(row_of(path).is_none(), "{path}");
        }
    }
}

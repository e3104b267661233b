//! The deletion of what was found.

use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{Precondition, Write};
use gcloud_sdk::google::rpc;
use gcloud_sdk::tonic::{Code, Status};

use super::find::Find;
use crate::delivery::{Rpc, settle};
use crate::status::{Failure, Verdict, unsettled};

/// The result of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deletion {
    /// It is deleted.
    Deleted,
    /// It is no longer what was found: somebody changed it, and it stays; or it is gone, as after a deletion whose
    /// answer was lost. The service does not tell these apart.
    Changed,
}

/// Deletes each, unless it is no longer the version that was found.
pub(super) async fn delete(service: &impl Rpc, finds: &[Find]) -> Result<Vec<Deletion>, Failure> {
    let mut names = std::collections::HashSet::with_capacity(finds.len());
    // One request must not name a document twice.
    let writes: Vec<Write> = finds.iter().filter(|find| names.insert(find.name.as_str())).map(deletion).collect();
    if writes.len() < finds.len() {
        let twice = Status::invalid_argument("a find is given twice");
        return Err(Failure::Status(twice));
    }
    let settled = settle(service, &writes, |wanted| wanted, verdict).await?;
    // All was granted, so each has a result.
    Ok(settled.into_iter().flatten().collect())
}

fn deletion(find: &Find) -> Write {
    Write {
        operation: Some(Operation::Delete(find.name.clone())),
        current_document: Some(Precondition { condition_type: Some(ConditionType::UpdateTime(find.update_time)) }),
        ..Write::default()
    }
}

fn verdict(status: &rpc::Status) -> Verdict<Deletion> {
    match Code::from_i32(status.code) {
        Code::Ok => Verdict::Settled(Deletion::Deleted),
        Code::FailedPrecondition | Code::NotFound => Verdict::Settled(Deletion::Changed),
        code => unsettled(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_became_of_a_document() {
        let of = |code: Code| verdict(&rpc::Status { code: code as i32, ..rpc::Status::default() });
        assert_eq!(of(Code::Ok), Verdict::Settled(Deletion::Deleted));
        assert_eq!(of(Code::FailedPrecondition), Verdict::Settled(Deletion::Changed));
        assert_eq!(of(Code::NotFound), Verdict::Settled(Deletion::Changed));
        for code in [Code::Aborted, Code::Unavailable, Code::ResourceExhausted] {
            assert_eq!(of(code), Verdict::Again, "{code:?}");
        }
        for code in [Code::PermissionDenied, Code::InvalidArgument] {
            assert_eq!(of(code), Verdict::Failed, "{code:?}");
        }
    }
}

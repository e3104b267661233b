//! A check for the composite index that readers such as SchoolSync need.

use std::time::Duration;

use attendance_model::Notice;
use attendance_model::legacy::field;
use gcloud_sdk::google::firestore::admin::v1::firestore_admin_client::FirestoreAdminClient;
use gcloud_sdk::google::firestore::admin::v1::index::index_field::{Order, ValueMode};
use gcloud_sdk::google::firestore::admin::v1::index::{IndexField, QueryScope, State};
use gcloud_sdk::google::firestore::admin::v1::{Index, ListIndexesRequest};
use gcloud_sdk::tonic::Code;

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::status::{Failure, said};

/// The limit for the list: a probe must not fail because of it.
const PATIENCE: Duration = Duration::from_secs(10);
const RIGHT: &str =
    "give the account the right datastore.indexes.list, which Cloud Datastore User has; only this check needs it";
const LATER: &str = "nothing needs to be done: it is checked again at the next start";

/// The notice about the index, if any. Requests the list of indexes, which reads no document; a failure of that does
/// not stop writes.
pub(crate) async fn notice(connection: &Connection) -> Option<Notice> {
    let endpoint = connection.endpoint();
    let (said, hint) = match tokio::time::timeout(PATIENCE, list(connection)).await {
        Ok(Ok(indexes)) => return judge(endpoint, &indexes),
        Ok(Err(Failure::Status(status))) if status.code() == Code::PermissionDenied => (said(&status), RIGHT),
        Ok(Err(Failure::Status(status))) => (said(&status), LATER),
        Ok(Err(Failure::Sink(error))) => (error.to_string(), LATER),
        Err(_) => (format!("no answer within {} s", PATIENCE.as_secs()), LATER),
    };
    let what = format!("cannot tell whether {} is there: {said}", index_of(endpoint));
    Some(Notice::new(what).hint(hint))
}

/// The composite indexes of the collection.
async fn list(connection: &Connection) -> Result<Vec<Index>, Failure> {
    let mut indexes = Vec::new();
    let mut request = ListIndexesRequest { parent: connection.endpoint().collection_group(), ..Default::default() };
    loop {
        let page = connection
            .call(request.clone(), async |api, request| {
                Ok(api.get_with(FirestoreAdminClient::new).list_indexes(request).await?.into_inner())
            })
            .await?;
        indexes.extend(page.indexes);
        // The token of the page before would be given again by no service that ever ends its list.
        if page.next_page_token.is_empty() || page.next_page_token == request.page_token {
            return Ok(indexes);
        }
        request.page_token = page.next_page_token;
    }
}

fn judge(endpoint: &Endpoint, indexes: &[Index]) -> Option<Notice> {
    let index = index_of(endpoint);
    let states = || indexes.iter().filter(|index| serves(index)).map(Index::state);
    if states().any(|state| state == State::Ready) {
        return None;
    }
    if states().any(|state| state == State::Creating) {
        let what = format!("{index} is still being built");
        return Some(Notice::new(what).hint("wait: SchoolSync's query fails until it is ready"));
    }
    let what = match states().next() {
        Some(_) => format!("{index} could not be built"),
        None => format!("{index} is missing: SchoolSync's query fails without it"),
    };
    Some(Notice::new(what).hint(format!(
        "deploy firestore.indexes.json of sink-firestore, or run: gcloud firestore indexes composite create \
         --project={} --database='{}' --collection-group={} --query-scope=COLLECTION \
         --field-config=field-path={},order=ascending --field-config=field-path={},order=ascending",
        endpoint.project(),
        endpoint.database(),
        endpoint.parent_and_collection().1,
        field::STAFF_ID,
        field::TIMESTAMP,
    )))
}

/// Returns true if the query can use it: by person, then by time, in one collection.
fn serves(index: &Index) -> bool {
    let ascending = |field: &IndexField, path: &str| {
        field.field_path == path && field.value_mode == Some(ValueMode::Order(Order::Ascending.into()))
    };
    // The service adds the document's name at the end.
    let mut fields = index.fields.iter().filter(|field| field.field_path != "__name__");
    index.query_scope() == QueryScope::Collection
        && fields.next().is_some_and(|field| ascending(field, field::STAFF_ID))
        && fields.next().is_some_and(|field| ascending(field, field::TIMESTAMP))
        && fields.next().is_none()
}

fn index_of(endpoint: &Endpoint) -> String {
    format!("the composite index on {} and {} of {}", field::STAFF_ID, field::TIMESTAMP, endpoint.target())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(scope: QueryScope, state: State, fields: &[(&str, Order)]) -> Index {
        let field = |&(path, order): &(&str, Order)| IndexField {
            field_path: path.to_owned(),
            value_mode: Some(ValueMode::Order(order.into())),
        };
        let fields = fields.iter().map(field).collect();
        Index { query_scope: scope.into(), state: state.into(), fields, ..Index::default() }
    }

    const FITTING: [(&str, Order); 3] =
        [("staffId", Order::Ascending), ("timestamp", Order::Ascending), ("__name__", Order::Ascending)];

    fn notice(indexes: &[Index]) -> Option<Notice> {
        judge(&Endpoint::new("my-project", "schools/north/logs").unwrap(), indexes)
    }

    #[test]
    fn an_index_that_is_ready_is_nothing_to_tell() {
        let broken = index(QueryScope::Collection, State::NeedsRepair, &FITTING);
        let ready = index(QueryScope::Collection, State::Ready, &FITTING);
        assert_eq!(notice(&[broken, ready]), None);
    }

    #[test]
    fn an_index_on_its_way_is_to_be_waited_for_and_a_broken_one_to_be_made_again() {
        let creating = notice(&[index(QueryScope::Collection, State::Creating, &FITTING)]).unwrap();
        assert!(creating.message.ends_with("is still being built"), "{creating:?}");
        let broken = notice(&[index(QueryScope::Collection, State::NeedsRepair, &FITTING)]).unwrap();
        assert!(broken.message.ends_with("could not be built") && broken.hint.is_some(), "{broken:?}");
    }

    #[test]
    fn an_index_that_the_query_cannot_use_is_as_good_as_none() {
        let descending = [("staffId", Order::Ascending), ("timestamp", Order::Descending)];
        let reversed = [("timestamp", Order::Ascending), ("staffId", Order::Ascending)];
        let longer = [("staffId", Order::Ascending), ("timestamp", Order::Ascending), ("status", Order::Ascending)];
        let others = [
            index(QueryScope::CollectionGroup, State::Ready, &FITTING),
            index(QueryScope::Collection, State::Ready, &descending),
            index(QueryScope::Collection, State::Ready, &reversed),
            index(QueryScope::Collection, State::Ready, &longer),
            index(QueryScope::Collection, State::Ready, &FITTING[..1]),
        ];
        for indexes in [&others[..], &[]] {
            let notice = notice(indexes).unwrap();
            assert!(notice.message.contains("is missing"), "{notice:?}");
            let hint = notice.hint.unwrap();
            assert!(hint.contains("--project=my-project") && hint.contains("--collection-group=logs "), "{hint}");
        }
    }
}

//! The two requests of a search: a page of documents, and their count.

use attendance_model::legacy::field;
use gcloud_sdk::google::firestore::v1::run_query_request::QueryType;
use gcloud_sdk::google::firestore::v1::structured_query::field_filter::Operator as Compare;
use gcloud_sdk::google::firestore::v1::structured_query::filter::FilterType;
use gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, Direction, FieldFilter, FieldReference, Filter, Order, Projection,
};
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{Cursor, Document, RunQueryRequest, StructuredQuery, Value};

use crate::connection::Connection;
use crate::count;
use crate::mapping::source;
use crate::status::Failure;

/// By which a document knows itself in a query.
const NAME: &str = "__name__";

/// The documents that a search goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// The documents with an empty `staffId`, by the index on it: costs a read for each find.
    EmptyStaffIds,
    /// Every document: costs a read for each. No query compares two fields, so that a time after its upload is found in
    /// no other way.
    All,
}

/// A page of at most `size` documents that come after the one of this name, in the order of their names, with the
/// fields that are judged.
pub(super) async fn page(
    connection: &Connection,
    scope: Scope,
    after: Option<&str>,
    size: u16,
) -> Result<Vec<Document>, Failure> {
    let (parent, mut query) = query(connection, scope);
    let judged = format!("{}.{}", source::FIELD, source::EVENT_ID);
    let fields = [field::STAFF_ID, field::TIMESTAMP, field::STATUS, field::WORK_CODE, field::UPLOADED_AT, &judged];
    query.select = Some(Projection { fields: fields.into_iter().map(reference).collect() });
    query.order_by = vec![Order { field: Some(reference(NAME)), direction: Direction::Ascending.into() }];
    query.start_at = after.map(|name| Cursor {
        values: vec![Value { value_type: Some(ValueType::ReferenceValue(name.to_owned())) }],
        before: false,
    });
    query.limit = Some(size.into());
    let request =
        RunQueryRequest { parent, query_type: Some(QueryType::StructuredQuery(query)), ..RunQueryRequest::default() };
    let documents: Vec<Document> = connection
        .call(request, async |api, request| {
            let mut answers = api.get().run_query(request).await?.into_inner();
            let mut documents = Vec::new();
            while let Some(answer) = answers.message().await? {
                // Here, so that those of a page that breaks off count too.
                connection.note_reads(usize::from(answer.document.is_some()));
                documents.extend(answer.document);
            }
            Ok(documents)
        })
        .await?;
    // A query that finds nothing is billed as one read.
    connection.note_reads(usize::from(documents.is_empty()));
    Ok(documents)
}

/// How many documents a search would go through.
pub(super) async fn count(connection: &Connection, scope: Scope) -> Result<u64, Failure> {
    let (parent, query) = query(connection, scope);
    count::of_query(connection, parent, query).await
}

/// The parent of a scope's documents, and a query for them.
fn query(connection: &Connection, scope: Scope) -> (String, StructuredQuery) {
    let (parent, collection) = connection.endpoint().parent_and_collection();
    let from = vec![CollectionSelector { collection_id: collection, all_descendants: false }];
    let filter = match scope {
        Scope::All => None,
        Scope::EmptyStaffIds => Some(Filter {
            filter_type: Some(FilterType::FieldFilter(FieldFilter {
                field: Some(reference(field::STAFF_ID)),
                op: Compare::Equal.into(),
                value: Some(Value { value_type: Some(ValueType::StringValue(String::new())) }),
            })),
        }),
    };
    (parent, StructuredQuery { from, r#where: filter, ..StructuredQuery::default() })
}

fn reference(path: &str) -> FieldReference {
    FieldReference { field_path: path.to_owned() }
}

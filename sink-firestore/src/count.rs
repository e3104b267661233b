//! Counts documents by aggregation: a read for each 1,000 of them, and at least one.

use attendance_model::legacy::field;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use gcloud_sdk::google::firestore::v1::run_aggregation_query_request::QueryType;
use gcloud_sdk::google::firestore::v1::structured_aggregation_query::aggregation::{Count, Operator};
use gcloud_sdk::google::firestore::v1::structured_aggregation_query::{self, Aggregation};
use gcloud_sdk::google::firestore::v1::structured_query::composite_filter::Operator as Combine;
use gcloud_sdk::google::firestore::v1::structured_query::field_filter::Operator as Compare;
use gcloud_sdk::google::firestore::v1::structured_query::filter::FilterType;
use gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, CompositeFilter, FieldFilter, FieldReference, Filter,
};
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::{
    RunAggregationQueryRequest, StructuredAggregationQuery, StructuredQuery, Value,
};
use gcloud_sdk::prost_types::Timestamp;
use gcloud_sdk::tonic::Status;

use crate::connection::Connection;
use crate::mapping::source;
use crate::status::Failure;
use crate::{Layout, TimeReading};

/// The field by which a collection's documents are counted by day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayField {
    /// `timestamp`, which is the wall clock as if it were UTC.
    Timestamp,
    /// `_src.local_time`, the wall clock as text.
    LocalTime,
}

impl DayField {
    /// That of a layout. There is none if the documents have the true moment alone: its day depends on the zone of each
    /// terminal.
    pub(crate) fn of(time: TimeReading, layout: Layout) -> Option<Self> {
        match (time, layout) {
            (TimeReading::WallClockAsUtc, _) => Some(Self::Timestamp),
            (TimeReading::Instant, Layout::Full) => Some(Self::LocalTime),
            (TimeReading::Instant, Layout::Compatible) => None,
        }
    }

    fn path(self) -> String {
        match self {
            Self::Timestamp => field::TIMESTAMP.to_owned(),
            Self::LocalTime => format!("{}.local_time", source::FIELD),
        }
    }

    /// The value with which a day begins.
    fn midnight(self, day: NaiveDate) -> ValueType {
        match self {
            Self::Timestamp => {
                let moment: DateTime<Utc> = day.and_time(NaiveTime::MIN).and_utc();
                ValueType::TimestampValue(Timestamp { seconds: moment.timestamp(), nanos: 0 })
            }
            Self::LocalTime => ValueType::StringValue(day.to_string()),
        }
    }
}

/// The number of documents of a day.
pub(crate) async fn of_day(connection: &Connection, by: DayField, day: NaiveDate) -> Result<u64, Failure> {
    let (parent, collection) = connection.endpoint().parent_and_collection();
    let bound = |op: Compare, day: NaiveDate| Filter {
        filter_type: Some(FilterType::FieldFilter(FieldFilter {
            field: Some(FieldReference { field_path: by.path() }),
            op: op.into(),
            value: Some(Value { value_type: Some(by.midnight(day)) }),
        })),
    };
    let within = CompositeFilter {
        op: Combine::And.into(),
        filters: vec![bound(Compare::GreaterThanOrEqual, day), bound(Compare::LessThan, day.succ_opt().unwrap_or(day))],
    };
    let query = StructuredQuery {
        from: vec![CollectionSelector { collection_id: collection, all_descendants: false }],
        r#where: Some(Filter { filter_type: Some(FilterType::CompositeFilter(within)) }),
        ..StructuredQuery::default()
    };
    of_query(connection, parent, query).await
}

/// The number of documents that a query finds.
pub(crate) async fn of_query(connection: &Connection, parent: String, query: StructuredQuery) -> Result<u64, Failure> {
    const ALIAS: &str = "documents";
    let count = Aggregation { alias: ALIAS.to_owned(), operator: Some(Operator::Count(Count::default())) };
    let request = RunAggregationQueryRequest {
        parent,
        query_type: Some(QueryType::StructuredAggregationQuery(StructuredAggregationQuery {
            aggregations: vec![count],
            query_type: Some(structured_aggregation_query::QueryType::StructuredQuery(query)),
        })),
        ..RunAggregationQueryRequest::default()
    };
    let counted = connection
        .call(request, async |api, request| {
            let mut answers = api.get().run_aggregation_query(request).await?.into_inner();
            let mut counted = None;
            while let Some(answer) = answers.message().await? {
                let value = answer.result.and_then(|mut result| result.aggregate_fields.remove(ALIAS));
                if let Some(ValueType::IntegerValue(number)) = value.and_then(|value| value.value_type) {
                    counted = u64::try_from(number).ok();
                }
            }
            counted.ok_or_else(|| Status::internal("no number in the answer to a count"))
        })
        .await?;
    connection.note_reads(usize::try_from(counted.div_ceil(1000).max(1)).unwrap_or(usize::MAX));
    Ok(counted)
}

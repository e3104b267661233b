//! The shortest way to insert events once each, written for the benchmark: a document and a request by hand, a look at
//! every status, and nothing else.

use std::error::Error;

use attendance_model::AttendanceEvent;
use gcloud_sdk::google::firestore::v1::document_transform::FieldTransform;
use gcloud_sdk::google::firestore::v1::document_transform::field_transform::{ServerValue, TransformType};
use gcloud_sdk::google::firestore::v1::firestore_client::FirestoreClient;
use gcloud_sdk::google::firestore::v1::precondition::ConditionType;
use gcloud_sdk::google::firestore::v1::value::ValueType;
use gcloud_sdk::google::firestore::v1::write::Operation;
use gcloud_sdk::google::firestore::v1::{BatchWriteRequest, Document, Precondition, Value, Write};
use gcloud_sdk::google_cloud_auth::credentials::anonymous;
use gcloud_sdk::prost_types::Timestamp;
use gcloud_sdk::{GoogleApi, GoogleAuthHeaders, GoogleAuthMiddleware, GoogleAuthMiddlewareLayer, HeaderMap};

pub(crate) struct Client {
    client: FirestoreClient<GoogleAuthMiddleware>,
    database: String,
    collection: String,
}

impl Client {
    pub(crate) async fn connect(address: &str, project: &str, collection: &str) -> Result<Self, Box<dyn Error>> {
        let database = format!("projects/{project}/databases/(default)");
        let auth = GoogleAuthHeaders::from(anonymous::Builder::new().build());
        let mut middleware = GoogleAuthMiddlewareLayer::new(auth, Some(database.clone()))?;
        let mut owner = HeaderMap::new();
        owner.insert("authorization", "Bearer owner".parse()?);
        middleware.set_additional_headers(owner);
        let url = format!("http://{address}");
        let api = GoogleApi::from_function_with_middleware(FirestoreClient::new, url, middleware).await?;
        let collection = format!("{database}/documents/{collection}");
        Ok(Self { client: api.get(), database, collection })
    }

    pub(crate) async fn insert(&self, batch: &[AttendanceEvent]) -> Result<(), Box<dyn Error>> {
        let writes = batch.iter().map(|event| self.write(event)).collect();
        let request = BatchWriteRequest { database: self.database.clone(), writes, ..BatchWriteRequest::default() };
        let statuses = self.client.clone().batch_write(request).await?.into_inner().status;
        // 0 is stored, 6 is stored already.
        match statuses.iter().find(|status| !matches!(status.code, 0 | 6)) {
            Some(failed) => Err(failed.message.clone().into()),
            None => Ok(()),
        }
    }

    fn write(&self, event: &AttendanceEvent) -> Write {
        let field = |name: &str, held| (name.to_owned(), Value { value_type: Some(held) });
        let seconds = event.local_time.and_utc().timestamp();
        let document = Document {
            name: format!("{}/{}", self.collection, event.id),
            fields: [
                field("staffId", ValueType::StringValue(event.user_id.clone())),
                field("timestamp", ValueType::TimestampValue(Timestamp { seconds, nanos: 0 })),
                field("status", ValueType::IntegerValue(event.verify_mode.0.into())),
                field("workCode", ValueType::IntegerValue(event.punch_state.0.into())),
            ]
            .into(),
            ..Document::default()
        };
        Write {
            update_transforms: vec![FieldTransform {
                field_path: "uploadedAt".to_owned(),
                transform_type: Some(TransformType::SetToServerValue(ServerValue::RequestTime.into())),
            }],
            current_document: Some(Precondition { condition_type: Some(ConditionType::Exists(false)) }),
            operation: Some(Operation::Update(document)),
            ..Write::default()
        }
    }
}

//! The probe's notices about the composite index. A small service stands in for the real one: the emulator has no
//! indexes.

#[path = "support/double.rs"]
mod double;
mod support;

use attendance_model::{Notice, Sink};
use gcloud_sdk::google::firestore::admin::v1::Index;
use gcloud_sdk::google::firestore::admin::v1::index::index_field::{Order, ValueMode};
use gcloud_sdk::google::firestore::admin::v1::index::{IndexField, QueryScope, State};
use gcloud_sdk::tonic::Code;
use sink_firestore::FirestoreSink;

use double::{Double, Indexes};
use support::{bounded, new_collection, options, with_emulator};

fn index(state: State) -> Index {
    let field = |path: &str| IndexField {
        field_path: path.to_owned(),
        value_mode: Some(ValueMode::Order(Order::Ascending.into())),
    };
    Index {
        query_scope: QueryScope::Collection.into(),
        state: state.into(),
        fields: ["staffId", "timestamp", "__name__"].map(field).into(),
        ..Index::default()
    }
}

/// The probe's notices for this answer of the service, and the requests that it received.
async fn probe(indexes: Indexes) -> (Vec<Notice>, Vec<String>) {
    let service = Double::start(indexes).await;
    let sink = FirestoreSink::open(options(service.address(), "schools/north/logs").emulator_as_service());
    let notices = sink.probe().await.unwrap();
    assert_eq!(sink.reads(), 0, "no read is billed for it");
    (notices, service.asked())
}

#[test]
fn an_index_that_is_there_is_nothing_to_tell_on_whatever_page_it_stands() {
    bounded(async {
        let other = || Index { fields: Vec::new(), ..index(State::Ready) };
        let (notices, asked) = probe(Ok(vec![vec![other()], vec![other(), index(State::Ready)]])).await;
        assert_eq!(notices, []);
        let group = "projects/sink-test/databases/(default)/collectionGroups/logs";
        assert_eq!(asked, [format!("{group} "), format!("{group} 1")]);
    });
}

#[test]
fn a_missing_index_is_a_notice_with_the_command_that_makes_it() {
    bounded(async {
        let (notices, _) = probe(Ok(vec![vec![]])).await;
        let [notice] = &notices[..] else { panic!("{notices:?}") };
        assert!(
            notice.message.contains("staffId and timestamp") && notice.message.contains("is missing"),
            "{notice:?}"
        );
        let hint = notice.hint.as_ref().unwrap();
        assert!(hint.contains("gcloud firestore indexes composite create --project=sink-test"), "{hint}");
        assert!(hint.contains("firestore.indexes.json"), "{hint}");
    });
}

#[test]
fn an_index_on_its_way_is_a_notice() {
    bounded(async {
        let (notices, _) = probe(Ok(vec![vec![index(State::Creating)]])).await;
        assert!(notices[0].message.contains("still being built"), "{notices:?}");
    });
}

#[test]
fn a_list_that_cannot_be_had_is_a_notice_and_no_failure() {
    bounded(async {
        for (code, hint) in [
            (Code::PermissionDenied, "datastore.indexes.list"),
            (Code::Unimplemented, "checked again at the next start"),
            (Code::Unavailable, "checked again at the next start"),
        ] {
            let (notices, asked) = probe(Err(code)).await;
            let [notice] = &notices[..] else { panic!("{notices:?}") };
            assert!(
                notice.message.contains("cannot tell") && notice.message.contains(&format!("{code:?}")),
                "{notice:?}"
            );
            assert!(notice.hint.as_ref().unwrap().contains(hint), "{notice:?}");
            assert_eq!(asked.len(), 1, "asked once");
        }
    });
}

#[test]
fn an_emulator_is_not_asked() {
    with_emulator(|address| async move {
        let sink = FirestoreSink::open(options(&address, &new_collection()));
        assert_eq!((sink.probe().await.unwrap(), sink.requests()), (Vec::new(), 1));
    });
}

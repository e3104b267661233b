//! Quirks of requests: paths, headers, connections, ends of lines.

use super::*;

/// P3: `.aspx` after each path.
#[tokio::test]
async fn a_terminal_that_calls_pages_of_another_server_is_understood() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.struck(scene.profile(), PushFault::Aspx, 100).await;
    assert_eq!(scene.books().punches().len(), usize::from(PUNCHES));
}

/// P46: a path in the server's field of the menu is doubled.
#[tokio::test]
async fn a_doubled_prefix_is_understood() {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut pusher = scene.pusher(full(scene.profile())).faults([PushFault::DoubledPrefix], 1).under("/firm");
    crate::run(&mut pusher).await;
    assert_eq!(scene.books().punches().len(), usize::from(PUNCHES));
}

/// P29: the type of the content is odd or missing, so bodies are never taken for forms.
#[tokio::test]
async fn the_type_of_a_body_means_nothing() {
    for fault in [PushFault::FormType, PushFault::NoType] {
        everything_arrives_in_spite_of(fault).await;
    }
    // The request for the configuration has no body.
    let scene = Scene::new(Dialect::Access).await;
    scene.struck(scene.profile(), PushFault::NoLength, 100).await;
    assert_eq!(scene.books().keyed("rtlog").len(), usize::from(PUNCHES));
}

/// P30: no name of a host.
#[tokio::test]
async fn a_request_without_a_host_is_answered() {
    for fault in [PushFault::NoHost, PushFault::OldVersion] {
        everything_arrives_in_spite_of(fault).await;
    }
}

/// P32: `Connection: starting`.
#[tokio::test]
async fn a_connection_that_starts_is_a_connection() {
    for fault in [PushFault::Starting, PushFault::LowerCase, PushFault::UpperCase, PushFault::Chunked] {
        everything_arrives_in_spite_of(fault).await;
    }
}

#[tokio::test]
async fn a_request_that_is_cut_reset_slow_or_stopped_takes_no_record_with_it() {
    for fault in [
        PushFault::CutBody,
        PushFault::ResetBody,
        PushFault::SlowBody,
        PushFault::StallHead,
        PushFault::StallBody,
        PushFault::LoseAnswer,
        PushFault::Oversize,
    ] {
        let scene = everything_arrives_in_spite_of(fault).await;
        let twice = scene.books().punches().len() > usize::from(PUNCHES);
        assert_eq!(twice, fault == PushFault::LoseAnswer, "{fault:?}: only what was stored is sent twice");
    }
}

#[tokio::test]
async fn records_that_come_twice_or_in_another_order_are_all_acknowledged() {
    for fault in [PushFault::Twice, PushFault::Replay, PushFault::Reversed] {
        everything_arrives_in_spite_of(fault).await;
    }
}

#[tokio::test]
async fn any_end_of_a_line_ends_it() {
    for fault in [PushFault::TrailingNuls, PushFault::CarriageReturns, PushFault::MixedEnds] {
        everything_arrives_in_spite_of(fault).await;
    }
}

/// P33: it polls while it uploads, and sends signs of life.
#[tokio::test]
async fn a_terminal_may_poll_while_it_uploads() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.order([Command::info()]);
    let pusher = scene.pusher(full(scene.profile()));
    let mut pusher = pusher.faults([PushFault::PollMeanwhile, PushFault::Ping], 1).share(100);
    crate::run(&mut pusher).await;
    let books = scene.books();
    assert_eq!((books.punches().len(), books.codes()), (usize::from(PUNCHES), vec![("1".into(), Some(0))]));
    assert!(books.targets.iter().any(|target| target.contains("/ping?")));
    assert_eq!(pusher.stats().failures, 0);
}

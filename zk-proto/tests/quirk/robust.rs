//! Terminals that refuse, forget or leave out things that a client can do without.

use std::time::{Duration, Instant};

use zk_proto::client::{PullError, Pulled, Step, pull};
use zk_proto::proof::Doubt;
use zk_proto::{Client, ClientError, CommKey, Command};
use zk_sim::Terminal;

use super::{Site, rows};

/// Q70: the buffered read is refused with a plain "no": the log is read directly.
#[tokio::test]
async fn a_buffered_read_that_is_refused_gives_way_to_the_direct_one() {
    for profile in ["tft40", "tft16"] {
        let site = Site::with(profile, 300, &["no-data=2001"]).await;
        let pulled = site.pulls_the_truth().await;
        assert_eq!((pulled.sessions, site.sent(Command::ATTLOG_RRQ)), (1, 1), "{profile}");
    }
}

/// Q71: a log that a terminal refuses as "no data" while it counts people or records was refused.
#[tokio::test]
async fn a_refused_log_is_no_empty_one() {
    for code in [2001, 4989, 4991] {
        for also in ["", "count-zero"] {
            let refused = format!("refuse-log={code}");
            let faults: Vec<&str> = [refused.as_str(), also].into_iter().filter(|fault| !fault.is_empty()).collect();
            let site = Site::with("tft40", 300, &faults).await;
            let error = site.try_pull(&mut site.client().await).await.unwrap_err();
            let PullError::Refused { code: told, users: 30, .. } = &error else { panic!("{faults:?}: {error:?}") };
            assert_eq!(*told, Command(code), "{faults:?}");
            assert_eq!(site.sent(Command::CONNECT), 2, "{faults:?}: a fresh session is asked, once");
        }
        // Refused once, it is read on the fresh session.
        let site = Site::with("tft40", 300, &[&format!("refuse-log={code}x1")]).await;
        site.pulls_the_truth().await;
    }
    let site = Site::start("tft40", &["refuse-log"], Terminal::builder().records(0).users(0)).await;
    let pulled = site.pull(&mut site.client().await).await;
    assert!(matches!(&pulled.found, Pulled::Full(proven) if proven.records() == 0), "{pulled:?}");
}

/// Q72: the session is forgotten once, at any command, with a key or without: a new one continues.
#[tokio::test]
async fn a_session_that_is_forgotten_at_any_command_is_opened_again() {
    for key in [0, 5] {
        for profile in ["tft40", "bw16"] {
            for request in 0..12 {
                let fault = format!("lose-sessionx1@{request}");
                let terminal = Terminal::builder().records(700).users(30).key(key);
                let site = Site::start(profile, &[&fault], terminal).await;
                let options = site.options();
                let options = if key == 0 { options } else { options.comm_key(CommKey::new(key)) };
                let mut client = Client::connect(&options).await.unwrap();
                client.identity().await.unwrap_or_else(|error| panic!("{profile} {key} {request}: {error:?}"));
                site.pulls_the_truth_with(&mut client).await;
                client.time().await.unwrap_or_else(|error| panic!("{profile} {key} {request}: {error:?}"));
                client.exit().await;
            }
        }
    }
}

/// Q73: facts that a terminal refuses to give, gives too short, or answers with silence or a hang-up, are left out.
#[tokio::test]
async fn what_a_terminal_does_not_answer_is_left_out() {
    for shape in ["ignore-command", "refuse-command", "empty-command", "hang-up-at"] {
        for command in [Command::GET_TIME, Command::GET_FREE_SIZES, Command::GET_VERSION] {
            let site = Site::with("tft40", 300, &[&format!("{shape}={}", command.0)]).await;
            let mut client = Client::connect(&site.options().timeout(Duration::from_millis(300))).await.unwrap();
            let identity = client.identity().await.unwrap_or_else(|error| panic!("{shape} {command}: {error:?}"));
            assert!(identity.serial.is_some() && identity.mac.is_some(), "{shape} {command}: {identity:?}");
            let unanswered = match command {
                Command::GET_TIME => client.time().await.err(),
                Command::GET_FREE_SIZES => client.free_sizes().await.err(),
                _ => None,
            };
            if let Some(why) = unanswered {
                assert!(why.is_about_the_question(), "{shape} {command}: {why:?}");
                client.skip(why).await.unwrap();
            }
            let request = site.request().countless(command == Command::GET_FREE_SIZES);
            let pulled = pull(&mut client, &request, &mut |_| ()).await.unwrap();
            let Pulled::Full(mut proven) = pulled.found else { panic!("{shape} {command}: {pulled:?}") };
            assert_eq!(rows(&mut proven), site.truth(), "{shape} {command}");
        }
    }
}

/// Q74: a busy terminal has not said that an option is missing, nor has one that refuses otherwise.
#[tokio::test]
async fn a_missing_option_is_distinguished_from_a_busy_terminal() {
    let site = Site::with("tft40", 0, &["busy"]).await;
    let error = site.client().await.option("~SerialNumber").await.unwrap_err();
    assert!(
        matches!(error, ClientError::NotNow { command: Command::OPTIONS_RRQ }) && error.is_transient(),
        "{error:?}"
    );
    let site = Site::with("tft40", 0, &["option-code=4990"]).await;
    let error = site.client().await.option("~SerialNumber").await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { code: Command(4990), .. }), "{error:?}");
    for fault in ["empty-options", "option-code=2001", "option-code=4999", "option-code=65535"] {
        let site = Site::with("tft40", 0, &[fault]).await;
        assert_eq!(site.client().await.option("~SerialNumber").await.unwrap(), None, "{fault}");
    }
}

/// Q75: a terminal that stops answering is given up after a few time-outs, and the progress is reported.
#[tokio::test]
async fn a_terminal_that_stops_answering_is_given_up_and_how_far_it_got_is_told() {
    let timeout = Duration::from_millis(200);
    let stalls = [
        ("stall-at=1503", None),
        ("stall-at=1504@1", Some(65_472)),
        // It answers everything else, in each session.
        ("ignore-offsets=65472", Some(65_472)),
        ("stall-at=13", None),
    ];
    for (fault, came) in stalls {
        let faults = if fault == "stall-at=13" { &[fault, "refuse-buffered"][..] } else { &[fault] };
        let site = Site::with("tft40", 3_000, faults).await;
        let mut client = Client::connect(&site.options().timeout(timeout)).await.unwrap();
        let began = Instant::now();
        let error = site.try_pull(&mut client).await.unwrap_err();
        client.exit().await;
        assert!(began.elapsed() < timeout * 10 + Duration::from_millis(500), "{fault}: {:?}", began.elapsed());
        let PullError::Client(ClientError::Stalled { step: Step::Log, progress }) = &error else {
            panic!("{fault}: {error:?}")
        };
        assert_eq!(progress.map(|progress| progress.bytes), came, "{fault}");
        // When a time-out ends progress for good, its numbers are reported.
        assert_eq!(error.to_string().contains("after 65,472 of 120,004 bytes"), came.is_some(), "{error}");
    }
}

/// Q64: a terminal that always sends the same part and nothing after it is given up like one that sends nothing.
#[tokio::test]
async fn the_same_part_again_and_again_is_given_up_like_silence() {
    let timeout = Duration::from_millis(300);
    for profile in ["tft40", "udp-only"] {
        for faults in [&["refuse-buffered", "short-stream=2"][..], &["short-chunks"]] {
            let site = Site::with(profile, 4_000, faults).await;
            let mut client = Client::connect(&site.options().timeout(timeout)).await.unwrap();
            let began = Instant::now();
            let outcome = site.try_pull(&mut client).await;
            client.exit().await;
            let is_given_up = match &outcome {
                Ok(pulled) => matches!(pulled.found, Pulled::Unproven { .. }),
                Err(_) => true,
            };
            assert!(is_given_up, "{profile} {faults:?}: {outcome:?}");
            let took = began.elapsed();
            assert!(took < timeout * 10 + Duration::from_millis(500), "{profile} {faults:?}: {took:?}, {outcome:?}");
        }
    }
}

/// Q66: a full terminal rewrites the log in its buffer while it is read. It is read again: no record is made of two.
#[tokio::test]
async fn a_log_that_moves_while_it_is_read_is_read_again() {
    for (profile, records) in [("tft40", 5_000), ("tft16", 5_000), ("face49", 4_000), ("udp-only", 300)] {
        let site = Site::with(profile, records, &["rewrittenx1"]).await;
        let pulled = site.pulls_the_truth().await;
        assert!(pulled.interruptions.iter().any(|why| why.contains("changed its log")), "{profile}: {pulled:?}");
        let site = Site::with(profile, records, &["rewritten"]).await;
        let error = site.try_pull(&mut site.client().await).await.unwrap_err();
        assert!(matches!(error, PullError::Changed), "{profile}: {error:?}");
    }
}

/// Q65: the buffer is freed for the terminal's sake. If it refuses or does not answer, what was read is no worse.
#[tokio::test]
async fn a_terminal_that_does_not_free_its_buffer_is_read_all_the_same() {
    for profile in ["tft40", "bw8", "udp-only"] {
        for fault in ["refuse-command=1502", "ignore-command=1502"] {
            let site = Site::with(profile, 300, &[fault]).await;
            let mut client = Client::connect(&site.options().timeout(Duration::from_millis(300))).await.unwrap();
            let pulled = site.try_pull(&mut client).await.unwrap();
            assert!(matches!(pulled.found, Pulled::Full(_)), "{profile} {fault}: {pulled:?}");
            client.exit().await;
        }
    }
}

/// Q63: a chunk that comes again pushes another one out, and all sizes agree. Only the records show it.
#[tokio::test]
async fn a_log_whose_first_chunk_comes_again_is_refused() {
    // The chunk is a whole number of records of 8 and 16 bytes. Of others, its rest makes no sense either.
    for (profile, records, whole) in
        [("bw8", 20_000, true), ("bw8a", 20_000, true), ("bw16", 10_000, true), ("tft40", 4_000, false)]
    {
        let site = Site::with(profile, records, &["first-chunk"]).await;
        let pulled = site.try_pull(&mut site.client().await).await.unwrap();
        let Pulled::Unproven { last, .. } = pulled.found else { panic!("{profile}: {pulled:?}") };
        let is_repeat = |doubt: &Doubt| matches!(doubt, Doubt::Repeated { .. });
        assert!(!whole || last.doubts().iter().any(is_repeat), "{profile}: {last}");
    }
}

/// Q76: checksums that are wrong in every session are a habit of this terminal: the other witnesses prove its data.
#[tokio::test]
async fn checksums_that_are_wrong_in_every_session_are_taken_as_they_are() {
    for profile in ["tft40", "udp-only", "bw8", "bw16"] {
        for fault in ["bad-checksum", "bad-data-checksum"] {
            let site = Site::with(profile, 300, &[fault]).await;
            let pulled = site.pulls_the_truth().await;
            assert!(pulled.remembered.checksums_wrong, "{profile} {fault}");
        }
    }
}

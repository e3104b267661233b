//! Opening, keeping and ending a session.

use std::time::{Duration, Instant};

use zk_proto::client::Step;
use zk_proto::op::{GetTime, Restart};
use zk_proto::{Client, ClientError, CommKey, Command, Transport};
use zk_sim::Terminal;

use super::Site;

/// Q1: firmware that ignores packets whose checksum is not exact.
#[tokio::test]
async fn strict_firmware_gets_exact_checksums() {
    let site = Site::with("face49", 300, &[]).await;
    let mut client = site.client().await;
    assert!(client.identity().await.unwrap().serial.is_some());
    site.pulls_the_truth_with(&mut client).await;
    client.exit().await;
    // A packet that was ignored would have been sent again.
    assert_eq!(site.sent(Command::CONNECT), 1);
}

/// Q12: the key is demanded again in the middle of a session.
#[tokio::test]
async fn a_lost_session_is_opened_again_once() {
    let site = Site::start("tft40", &["key-mid-session=8x1"], Terminal::builder().records(400).key(5)).await;
    let mut client = Client::connect(&site.options().comm_key(CommKey::new(5))).await.unwrap();
    site.pulls_the_truth_with(&mut client).await;
    for _ in 0..6 {
        client.time().await.unwrap();
    }
    assert_eq!(site.sent(Command::CONNECT), 2);
}

/// Q12: a key that was changed meanwhile is reported as such, and not tried forever.
#[tokio::test]
async fn a_session_that_is_lost_to_another_key_ends_with_that() {
    let site = Site::start("tft40", &["key-mid-session=4"], Terminal::builder().key(5)).await;
    let mut client = Client::connect(&site.options().comm_key(CommKey::new(5))).await.unwrap();
    site.terminal.set_key(6);
    let error = loop {
        if let Err(error) = client.time().await {
            break error;
        }
    };
    assert!(matches!(error, ClientError::WrongKey), "{error:?}");
    assert_eq!(site.sent(Command::CONNECT), 2);
}

/// Q13: a terminal that demands a key where none is set takes key 0.
#[tokio::test]
async fn key_zero_is_tried_where_none_is_known() {
    let site = Site::with("tft40", 3, &["demand-key"]).await;
    site.client().await.time().await.unwrap();
    assert_eq!(site.sent(Command::AUTH), 1);
}

/// Q13: a problem with the key is reported, even if the terminal hangs up at once.
#[tokio::test]
async fn a_missing_and_a_wrong_key_are_distinguished() {
    for faults in [&[][..], &["close-on-wrong-key"]] {
        let site = Site::start("tft40", faults, Terminal::builder().key(77)).await;
        assert!(matches!(site.try_client().await.unwrap_err(), ClientError::KeyRequired), "{faults:?}");
        let wrong = Client::connect(&site.options().comm_key(CommKey::new(78))).await.unwrap_err();
        assert!(matches!(wrong, ClientError::WrongKey), "{faults:?}: {wrong:?}");
        Client::connect(&site.options().comm_key(CommKey::new(77))).await.unwrap().time().await.unwrap();
    }
}

/// Q13: the valid session id is that of the last answer of the handshake.
#[tokio::test]
async fn a_session_id_that_comes_with_the_key_is_taken() {
    let site = Site::start("tft40", &["new-session-id"], Terminal::builder().key(77).records(50)).await;
    let mut client = Client::connect(&site.options().comm_key(CommKey::new(77))).await.unwrap();
    site.pulls_the_truth_with(&mut client).await;
    assert_eq!(site.sent(Command::CONNECT), 1);
}

/// Q14: a second client of a terminal with one session learns that it is busy, and the first continues.
#[tokio::test]
async fn a_single_session_is_busy_for_the_second_client() {
    for (profile, fault) in [("single-session", &[][..]), ("tft40", &["refuse-second"])] {
        let site = Site::with(profile, 10, fault).await;
        let mut first = site.client().await;
        assert!(matches!(site.try_client().await.unwrap_err(), ClientError::Busy { .. }), "{profile}");
        site.pulls_the_truth_with(&mut first).await;
        first.exit().await;
    }
}

/// Q14: no connection is opened merely to see if the terminal is there.
#[tokio::test]
async fn one_connection_is_opened_and_no_probe() {
    let site = Site::with("single-session", 10, &[]).await;
    site.pulls_the_truth().await;
    assert_eq!(site.terminal.stats().connections, 1);
}

/// Q14: if a second client ends the first one's connection, the first reports a broken line and connects again.
#[tokio::test]
async fn a_client_that_another_one_threw_out_says_so_and_comes_back() {
    let site = Site::with("tft40", 10, &["kill-first"]).await;
    let mut first = site.client().await;
    let _second = site.client().await;
    let error = first.time().await.unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }) && error.is_transient(), "{error:?}");
    first.reconnect().await.unwrap();
    first.time().await.unwrap();
}

/// Q15: the buffer is freed and the session ended after each read, so that the terminal does not hang.
#[tokio::test]
async fn a_read_leaves_no_buffer_and_no_session_behind() {
    let site = Site::with("tft40", 700, &[]).await;
    site.pulls_the_truth().await;
    let sent: Vec<_> = site.terminal.received().iter().map(|packet| packet.command).collect();
    assert!(sent.ends_with(&[Command::FREE_DATA, Command::EXIT]), "{sent:?}");
}

/// Q15: a terminal that never answers EXIT delays nobody.
#[tokio::test]
async fn ending_a_session_has_a_short_deadline() {
    let site = Site::with("tft40", 0, &["exit-unanswered"]).await;
    let client = site.client().await;
    let begun = Instant::now();
    client.exit().await;
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(site.sent(Command::EXIT), 1);
}

/// Q18: a TCP connection that is accepted and never answered: the terminal speaks UDP.
#[tokio::test]
async fn a_silent_tcp_side_leads_to_udp() {
    for profile in ["silent-tcp", "udp-only"] {
        let site = Site::with(profile, 300, &[]).await;
        let options = site.options().transport(Transport::Auto).timeout(Duration::from_millis(500));
        let mut client = Client::connect(&options).await.unwrap();
        assert_eq!(client.transport(), Transport::Udp, "{profile}");
        site.pulls_the_truth_with(&mut client).await;
    }
}

/// Q34: secure firmware is named, with advice.
#[tokio::test]
async fn secure_firmware_is_recognized() {
    let site = Site::with("tft40", 0, &["secure"]).await;
    let error = site.try_client().await.unwrap_err();
    assert!(matches!(error, ClientError::SecureFirmware), "{error:?}");
    assert!(error.to_string().contains("menu") && !error.is_transient(), "{error}");
}

/// Q35: a terminal in push mode refuses everything; the refusal is named.
#[tokio::test]
async fn a_terminal_that_refuses_everything_is_named() {
    for code in [2001, 65_533, 65_535] {
        let site = Site::with("tft40", 30, &[&format!("refuse-all={code}")]).await;
        let mut client = site.client().await;
        let error = client.time().await.unwrap_err();
        let ClientError::Refused { command: Command::GET_TIME, code: told } = error else { panic!("{error:?}") };
        assert_eq!(told, Command(code));
        // "No data" may be what such a refusal looks like; it proves nothing.
        if let Ok(pulled) = site.try_pull(&mut client).await {
            assert!(matches!(pulled.found, zk_proto::client::Pulled::Unproven { .. }), "{pulled:?}");
        }
    }
}

/// Next to Q35: a terminal that is busy for a moment is asked again.
#[tokio::test]
async fn a_busy_terminal_is_asked_again() {
    let site = Site::with("tft40", 30, &["busyx1@2"]).await;
    site.pulls_the_truth().await;
}

/// Q40: some terminals restart without an answer to RESTART.
#[tokio::test]
async fn a_restart_without_an_answer_ends_the_connection() {
    let site = Site::with("d2", 5, &[]).await;
    let mut client = site.client().await;
    let error = client.call(&Restart).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Broken { step: Step::Command(Command::RESTART), .. }),
        "the line ends at once: {error:?}"
    );
    client.reconnect().await.unwrap();
    client.call(&GetTime).await.unwrap();
}

/// Q42: an access control panel on the same port is named.
#[tokio::test]
async fn an_access_panel_is_recognized() {
    let site = Site::with("tft40", 0, &["access-panel"]).await;
    for transport in [Transport::Tcp, Transport::Udp] {
        let error = Client::connect(&site.options().transport(transport)).await.unwrap_err();
        assert!(matches!(error, ClientError::AccessPanel), "{transport:?}: {error:?}");
    }
}

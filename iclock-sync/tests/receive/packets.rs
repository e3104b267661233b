//! A row that two packets of an answer share.

use iclock_sync::ledger::QuarantineFilter;

use crate::common::{State, memory};
use crate::server::{SERIAL, Server, engine, pushing, until};

const ROW: &str = "transaction pin=7\teventtype=0\tinoutstate=0\tverified=1\ttime_second=857920849\tindex=5";

async fn packet(server: &Server, index: u32, body: &str) {
    let query = format!("type=tabledata&cmdid=1&tablename=transaction&packcnt=2&packidx={index}");
    let answer = server.send("POST", &format!("/iclock/querydata?SN={SERIAL}&{query}"), body).await;
    assert!(answer.contains("\r\n\r\ntransaction="), "{answer}");
}

fn waiting(state: &State) -> usize {
    state.ledger().quarantine(&QuarantineFilter::default(), 100).unwrap().len()
}

#[tokio::test]
async fn a_row_that_was_cut_waits_in_the_quarantine_until_the_next_packet_completes_it() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
    let (begin, end) = ROW.split_at(60);
    let other = |pin: u32| ROW.replace("pin=7", &format!("pin={pin}"));
    packet(&server, 1, &format!("{}\n{begin}", other(8))).await;
    assert_eq!(waiting(&state), 1, "it is on the disk");
    packet(&server, 2, &format!("{end}\n{}\n", other(9))).await;
    until("all are stored", || sink.stored().len() == 3).await;
    assert_eq!(waiting(&state), 0);
    let mut people: Vec<String> = sink.stored().into_iter().map(|event| event.user_id).collect();
    people.sort();
    assert_eq!(people, ["7", "8", "9"]);
    server.end().await;
}

#[tokio::test]
async fn after_a_restart_both_parts_wait_for_a_person() {
    let (state, (sink, as_sink)) = (State::new(), memory("db"));
    let (begin, end) = ROW.split_at(60);
    let other = ROW.replace("pin=7", "pin=9");
    for (index, body) in [(1, format!("{other}\n{begin}")), (2, format!("{end}\n{other}\n"))] {
        let server = Server::start(&engine(&state, &as_sink), &[pushing()], None).await;
        packet(&server, index, &body).await;
        until("the other row is stored", || sink.stored().len() == 1).await;
        server.end().await;
    }
    assert_eq!(waiting(&state), 2);
}

//! Each operation under each fault: it is done, or it ends in a named error, and never takes long.

use std::fmt::Write;
use std::time::{Duration, Instant};

use std::rc::Rc;

use tokio::sync::Semaphore;
use tokio::task::LocalSet;
use zk_proto::{Client, Transport};
use zk_sim::{Fault, FaultKind, Profile, TerminalBuilder};

use super::{Named, Site, operations, people};

/// An answer's time here. Every deadline is a multiple of it.
const ANSWER: Duration = Duration::from_millis(200);
/// Terminals at a time: more of them, and a sound one has no time to answer.
const AT_ONCE: usize = 12;
/// No operation takes longer, whatever happens: some transfers' deadlines one after the other.
const LONGEST: Duration = Duration::from_secs(30);

/// The family that knows every operation.
fn family() -> Profile {
    Profile::named("iface").unwrap()
}

/// The data of a terminal.
fn state(site: &Site) -> String {
    site.terminal.inspect(|terminal| {
        let (panel, access, messages) = (terminal.panel(), terminal.access(), terminal.messages());
        let panel = (panel.clock_blinks(), panel.last_voice(), panel.is_asleep(), panel.unlocks(), panel.line(1));
        let mut state = format!("{:?} {panel:?} {access:?} {messages:?}", terminal.user_records());
        for finger in terminal.fingers() {
            write!(state, "{finger:?} {:?}", finger.template).unwrap();
        }
        state
    })
}

/// Returns true if an operation was done, or what is wrong with its end.
async fn end(operation: Named, transport: Transport, fault: Fault, sound: &str) -> Result<bool, String> {
    let site = Site::start(&family(), transport, people::equipped().fault(fault)).await;
    let began = Instant::now();
    let outcome = match Client::connect(&site.options().timeout(ANSWER)).await {
        Ok(mut client) => {
            let outcome = (operation.1)(&mut client).await.map_err(|error| error.to_string());
            client.exit().await;
            outcome
        }
        Err(error) => Err(error.to_string()),
    };
    let took = began.elapsed();
    let told = |what: &str| Err(format!("{} over {transport:?} with {fault}: {what}", operation.0));
    match outcome {
        _ if took > LONGEST => told(&format!("took {took:?}")),
        Ok(()) if state(&site) != sound => told("done, it says, and is not"),
        Err(error) if error.is_empty() => told("an error without a name"),
        outcome => Ok(outcome.is_ok()),
    }
}

/// The data of a sound terminal after an operation.
async fn soundly(terminal: TerminalBuilder, operation: Named) -> String {
    let site = Site::start(&family(), Transport::Tcp, terminal).await;
    let mut client = site.client().await;
    (operation.1)(&mut client).await.unwrap();
    client.exit().await;
    state(&site)
}

/// What carries the operation: where a fault strikes one carrier alone, that one, else each by turns. A system has no
/// ports left after some ten thousand connections in a minute.
fn carrier(kind: FaultKind, turn: usize) -> Transport {
    match kind.about().get(..4) {
        Some("TCP:") => Transport::Tcp,
        Some("UDP:") => Transport::Udp,
        _ if turn % 2 == 0 => Transport::Tcp,
        _ => Transport::Udp,
    }
}

#[tokio::test]
async fn under_each_fault_each_operation_is_done_or_ends_in_a_named_error() {
    let local = LocalSet::new();
    let turns = Rc::new(Semaphore::new(AT_ONCE));
    let mut runs = Vec::new();
    for (turn, operation) in operations().enumerate() {
        let sound = soundly(people::equipped(), *operation).await;
        for (kind, turn) in FaultKind::ALL.iter().zip(turn..) {
            let transport = carrier(*kind, turn);
            let (sound, turns) = (sound.clone(), Rc::clone(&turns));
            runs.push(local.spawn_local(async move {
                let _turn = turns.acquire().await.unwrap();
                end(*operation, transport, Fault::new(*kind), &sound).await
            }));
        }
    }
    let ends = local.run_until(async {
        let mut ends = Vec::new();
        for run in runs {
            ends.push(run.await.unwrap());
        }
        ends
    });
    let ends = ends.await;
    let wrong: Vec<_> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Most faults do not concern most operations.
    let done = ends.iter().filter(|end| **end == Ok(true)).count();
    assert!(done * 3 > ends.len(), "{done} of {} done", ends.len());
}

//! Many terminals polled together, pulled and proven, against the bare client doing the same by turns.
//!
//! Both have the 32 terminals in hand that the engine has; the proven pull has the engine's spools: a share of 16 MiB
//! in memory each, and a file for what is more, of a directory that lasts for one poll.

#[path = "loopback/bare.rs"]
mod bare;
#[path = "loopback/pairs.rs"]
mod pairs;
#[path = "loopback/proven.rs"]
mod proven;
#[path = "loopback/server.rs"]
mod server;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use zk_proto::spool::SpoolDirectory;

/// Terminals that are read at once.
const AT_ONCE: usize = 32;
const SPOOL_MEMORY: usize = (16 << 20) / AT_ONCE;
const ROUNDS: usize = 15;

fn main() {
    // Cargo runs benchmarks as tests too; a few small logs show that this one works.
    let bench = std::env::args().any(|argument| argument == "--bench");
    let (terminals, records) = if bench { (200, 10_000) } else { (3, 1000) };
    let set = Arc::new(server::set(records));
    let addresses: Vec<SocketAddr> = (0..terminals).map(|_| server::serve(Arc::clone(&set))).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let pairs::Pairs { proven, bare, ratio } = pairs::compare(
        ROUNDS,
        || assert_eq!(poll_proven(&runtime, &addresses, directory.path()), u64::from(records) * terminals),
        || assert_eq!(poll_bare(&addresses), set.len() * addresses.len()),
    );
    println!(
        "poll {terminals} terminals of {records} records: \
         proven {proven:.1?}, bare {bare:.1?}, ratio {ratio:.2} (bar: 2)"
    );
}

/// As the engine does it: a terminal connects first, then waits for its turn.
fn poll_proven(runtime: &Runtime, addresses: &[SocketAddr], directory: &Path) -> u64 {
    let (turns, spools) = (Arc::new(Semaphore::new(AT_ONCE)), SpoolDirectory::new(directory));
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for address in addresses {
            let (address, turns, spools) = (*address, Arc::clone(&turns), spools.clone());
            tasks.spawn(async move {
                let client = proven::connect(address).await;
                let _turn = turns.acquire_owned().await.expect("an open semaphore");
                proven::pull_proven(client, SPOOL_MEMORY, spools).await.records()
            });
        }
        tasks.join_all().await.into_iter().sum()
    })
}

/// A thread for each terminal in hand.
fn poll_bare(addresses: &[SocketAddr]) -> usize {
    let next = AtomicUsize::new(0);
    let work = || {
        let addresses = std::iter::from_fn(|| addresses.get(next.fetch_add(1, Ordering::Relaxed)));
        addresses.map(|address| bare::pull_bare(*address)).sum::<usize>()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread that ends")).sum()
    })
}

//! A proven pull over loopback against a client that does no more than it has to. Both talk to the same server, by
//! turns, so that the ratio holds whatever else the machine does.

#[path = "loopback/bare.rs"]
mod bare;
#[path = "loopback/pairs.rs"]
mod pairs;
#[path = "loopback/proven.rs"]
mod proven;
#[path = "loopback/server.rs"]
mod server;

use std::sync::Arc;

use zk_proto::spool::DEFAULT_MEMORY;

const ROUNDS: usize = 15;

fn main() {
    // Cargo runs benchmarks as tests too; a small log shows that this one works.
    let sizes: &[u32] =
        if std::env::args().any(|argument| argument == "--bench") { &[100_000, 1_000_000] } else { &[1000] };
    for records in sizes {
        compare(*records);
    }
}

fn compare(records: u32) {
    let set = Arc::new(server::set(records));
    let address = server::serve(Arc::clone(&set));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let pairs::Pairs { proven, bare, ratio } = pairs::compare(
        ROUNDS,
        || {
            let pull = async {
                proven::pull_proven(proven::connect(address).await, DEFAULT_MEMORY, directory.path().into()).await
            };
            assert_eq!(runtime.block_on(pull).records(), u64::from(records));
        },
        || assert_eq!(bare::pull_bare(address), set.len()),
    );
    println!("pull {records} records: proven {proven:.1?}, bare {bare:.1?}, ratio {ratio:.2}");
}

//! The peak memory of a process that pulls a log, proves it and gives out its records, for logs of several lengths.
//!
//! Each pull has a process of its own, this program again; the server stays in the first. Read from `/proc`, so for
//! Linux.

#[path = "loopback/proven.rs"]
mod proven;
#[path = "loopback/server.rs"]
mod server;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use zk_proto::spool::DEFAULT_MEMORY;

/// Records that are taken out at once, as the engine does.
const BATCH: usize = 10_000;
/// The first argument of a process that pulls; the server's address and a directory follow.
const CHILD: &str = "--pull-from";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [child, address, directory] if child == CHILD => {
            pull(address.parse().expect("an address"), Path::new(directory))
        }
        // Cargo runs benchmarks as tests too; a small log shows that this one works.
        arguments if arguments.iter().any(|argument| argument == "--bench") => {
            measure(&[100_000, 1_000_000, 2_000_000, 3_000_000]);
        }
        _ => measure(&[1000]),
    }
}

fn measure(sizes: &[u32]) {
    let mut first = None;
    for records in sizes {
        let address = server::serve(Arc::new(server::set(*records)));
        let directory = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(std::env::current_exe().expect("this program"));
        child.arg(CHILD).arg(address.to_string()).arg(directory.path());
        let output = child.stderr(Stdio::inherit()).output().expect("a process");
        let words = String::from_utf8(output.stdout).expect("text");
        let peaks: Vec<i64> = words.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let [given_out, pulled, read] = peaks.as_slice() else { panic!("{}: {words}", output.status) };
        assert_eq!(*given_out, i64::from(*records));
        let (first_pulled, first_read) = *first.get_or_insert((*pulled, *read));
        println!(
            "pull {records} records: peak {pulled} KiB ({:+} KiB), all of them given out {read} KiB ({:+} KiB)",
            pulled - first_pulled,
            read - first_read
        );
    }
}

/// Prints how many records were given out, and the peak in KiB before and after that.
fn pull(address: SocketAddr, directory: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut proven = runtime.block_on(async {
        proven::pull_proven(proven::connect(address).await, DEFAULT_MEMORY, directory.into()).await
    });
    let pulled = peak();
    let mut given_out = 0;
    loop {
        match proven.next_batch(BATCH).expect("records").len() {
            0 => break,
            records => given_out += records,
        }
    }
    println!("{given_out} {pulled} {}", peak());
}

/// The most memory that this process had resident, in KiB; 0 where `/proc` does not tell.
fn peak() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

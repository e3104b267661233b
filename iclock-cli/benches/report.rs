//! `report monthly` of 500 people out of a year of punches, as an administrator runs it: in a process of its own.
//!
//! `cargo bench -p iclock-cli --bench report` prints the best of five times for a table, a page and a workbook.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use zk_sim::{Server, Terminal};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const PEOPLE: u32 = 500;
const DAYS: u32 = 365;
/// Punches a person makes on a day.
const PUNCHES: u32 = 4;
const ROUNDS: usize = 5;

fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let terminal = Terminal::builder().records(10).users(10).seed(1).build();
    let server = runtime.block_on(Server::start(terminal, ([127, 0, 0, 1], 0).into()))?;
    std::fs::write(dir.path().join("iclock.toml"), "names = true\n[shifts]\nhours = \"08:00-16:00\"\n")?;
    run(dir.path(), &["sync", "--device", &server.addr().to_string(), "--sink", "sqlite:att.db"])?;
    let events = fill(dir.path())?;
    println!("{events} events of {PEOPLE} people in {DAYS} days (bar: 1 s each)");
    for (what, args) in [
        ("table", &["--csv"][..]),
        ("page", &["--html", "month.html"]),
        ("workbook, a row for each day", &["--days", "--xlsx", "month.xlsx"]),
    ] {
        let month = [&["report", "monthly", "--month", "2025-11"], args].concat();
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            run(dir.path(), &month)?;
            best = best.min(began.elapsed());
        }
        println!("  {what}: {best:.0?}");
    }
    Ok(())
}

fn run(dir: &Path, args: &[&str]) -> Result<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    let status = command.args(args).args(["--state", "state"]).current_dir(dir).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{args:?} ended with {status}").into()) }
}

/// Puts a year of punches into the ledger: everybody comes, goes for lunch and leaves on each day.
fn fill(dir: &Path) -> Result<usize> {
    let ledger = Connection::open(dir.join("state/ledger.sqlite"))?;
    let events = ledger.execute(
        "WITH RECURSIVE day(d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM day WHERE d + 1 < ?1),
             person(p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM person WHERE p < ?2),
             punch(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM punch WHERE n + 1 < ?3)
         INSERT INTO events (terminal, reading, time, key, user_id, verify_mode, punch_state, raw)
         SELECT 1, 1, unixepoch('2025-01-01') + d * 86400 + 27900 + p * 3 + n * 9000, randomblob(16),
             CAST(1000 + p AS TEXT), 1, n % 2, zeroblob(40)
         FROM day, person, punch",
        (DAYS, PEOPLE, PUNCHES),
    )?;
    Ok(events)
}

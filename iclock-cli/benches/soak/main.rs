//! A soak: the program in a process of its own holds simulated terminals, which fail at random, and so do its sinks.
//!
//! `cargo bench -p iclock-cli --bench soak -- SECONDS [SEED]` polls fifty times a second, punches twenty times a
//! second, and prints what the program uses each half minute. It fails if memory, handles or files grow, or if a punch
//! is not in each sink once. The seed repeats the faults. Figures are read from `/proc`, so this is for Linux.

mod figures;
mod program;
mod trouble;

use std::collections::HashSet;
use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use attendance_model::{EventId, PunchState, VerifyMode};
use chrono::NaiveDateTime;
use figures::{Figures, flatness};
use program::{Program, SINKS, stored_in};
use rand::SeedableRng;
use rand::rngs::StdRng;
use trouble::Trouble;
use zk_sim::{Handle, Server, Terminal};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Each is polled about once a second. A few are in trouble at any time, and are polled less often.
const TERMINALS: u64 = 60;
/// Records in each log at the start.
const RECORDS: usize = 200;
/// The time between two punches.
const EVERY: Duration = Duration::from_millis(50);
/// The time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(30);
/// The time between two looks at the program.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The longest wait for the last punches, once nothing fails any more. A sink that was down may rest for five minutes.
const PATIENCE: Duration = Duration::from_secs(400);
/// The polls and punches of a second that make the soak one.
const POLLS: f64 = 50.0;
const PUNCHES: f64 = 20.0;

fn main() -> Result<()> {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let lasts = Duration::from_secs(numbers.next().unwrap_or(60));
    let seed = numbers.next().unwrap_or_else(rand::random);
    println!("soak of {} s, seed {seed}", lasts.as_secs());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let scratch = tempfile::tempdir()?;
    let mut servers = Vec::new();
    for n in 0..TERMINALS {
        let terminal = Terminal::builder().records(RECORDS).users(50).seed(n).serial(&format!("SOAK{n}")).build();
        servers.push(runtime.block_on(Server::start(terminal, ([127, 0, 0, 1], 0).into()))?);
    }
    let handles: Vec<Handle> = servers.iter().map(Server::handle).collect();
    let mut program = Program::start(&servers, scratch.path())?;
    wait_for(&program, &handles)?;
    println!("{}", figures::HEAD);
    let mut trouble = Trouble::new(StdRng::seed_from_u64(seed));
    let taken = soak(&program, &handles, &mut trouble, lasts)?;
    trouble.ends(&program, &handles)?;
    wait_for(&program, &handles)?;
    println!("{}", trouble.summary());
    program.ends()?;
    program.check(&truth(&handles))?;
    let rate = |of: fn(&Figures) -> f64| of_the_time(&taken, of);
    let (polls, punches) = (rate(|figures| figures.polls), rate(|figures| figures.punches));
    println!("{polls:.1} polls and {punches:.1} punches per second; every punch is in each sink once");
    flatness(&taken)?;
    if polls < POLLS || punches < 0.95 * PUNCHES {
        return Err(format!("fewer than {POLLS} polls or {PUNCHES} punches per second").into());
    }
    Ok(())
}

/// Makes trouble and punches for so long, and returns what the program used.
fn soak(program: &Program, handles: &[Handle], trouble: &mut Trouble, lasts: Duration) -> Result<Vec<Figures>> {
    let (begun, mut made) = (Instant::now(), 0u32);
    let (mut look, mut line) = (Duration::ZERO, LINE_EVERY);
    let mut taken: Vec<Figures> = Vec::new();
    while begun.elapsed() < lasts {
        // Punches that are late are made up for, so that a busy machine does not lower the rate.
        while EVERY * made <= begun.elapsed() {
            // 7 has no divisor in common with the number of terminals: each gets as many.
            handles[made as usize * 7 % handles.len()].punch_now();
            made += 1;
        }
        trouble.goes_on(program, handles)?;
        if begun.elapsed() >= look {
            look += LOOK_EVERY;
            taken.push(program.figures(begun.elapsed(), f64::from(made))?);
        }
        if begun.elapsed() >= line {
            line += LINE_EVERY;
            if let (Some(last), Some(first)) = (taken.last(), taken.iter().rev().nth(15).or(taken.first())) {
                println!("{}", last.line(first));
            }
        }
        thread::sleep(EVERY / 5);
    }
    Ok(taken)
}

/// Waits until each sink has every punch.
fn wait_for(program: &Program, handles: &[Handle]) -> Result<()> {
    let begun = Instant::now();
    let wanted = truth(handles).len();
    while SINKS.iter().any(|sink| stored_in(program.dir(), sink).is_ok_and(|stored| stored.len() < wanted)) {
        program.is_alive()?;
        if begun.elapsed() > PATIENCE {
            return Err(format!("not every punch is in each sink after {} s", PATIENCE.as_secs()).into());
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// The ids of all punches that were made.
fn truth(handles: &[Handle]) -> HashSet<String> {
    let of_one = |handle: &Handle| {
        let serial = handle.serial();
        let id = |punch: zk_sim::Punch| {
            let time = NaiveDateTime::parse_from_str(&punch.time.to_string(), "%Y-%m-%d %H:%M:%S").ok()?;
            let (state, mode) = (PunchState(punch.state), VerifyMode(punch.mode));
            Some(EventId::full(&serial, &punch.user_id, time, state, mode).to_string())
        };
        handle.records().into_iter().filter_map(id).collect::<Vec<_>>()
    };
    handles.iter().flat_map(of_one).collect()
}

/// The number of something per second, from the first figures to the last.
fn of_the_time(taken: &[Figures], of: fn(&Figures) -> f64) -> f64 {
    let (Some(first), Some(last)) = (taken.first(), taken.last()) else { return 0.0 };
    (of(last) - of(first)) / (last.at - first.at).as_secs_f64().max(1.0)
}

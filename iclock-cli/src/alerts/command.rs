//! Alerts to a program: the title in `ICLOCK_ALERT`, the text on its standard input.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use iclock_sync::alert::Message;

/// The longest that the program may take.
const AT_MOST: Duration = Duration::from_secs(30);
/// It is looked at so often.
const EVERY: Duration = Duration::from_millis(20);

/// Runs the program, and waits until it ends.
pub(super) fn run(words: &[String], message: &Message) -> Result<(), String> {
    within(words, message, AT_MOST)
}

fn within(words: &[String], message: &Message, at_most: Duration) -> Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("there is no program")?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("ICLOCK_ALERT", message.title())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    // A program that reads nothing is no failure, and one that reads slowly does not stop this one: a pipe has more
    // room than a message needs, and what is longer waits on a thread of its own.
    let (stdin, text) = (child.stdin.take(), message.text());
    std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(text.as_bytes())));
    let began = Instant::now();
    loop {
        match child.try_wait().map_err(|error| format!("cannot wait for {program}: {error}"))? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{program} ended with {status}")),
            None if began.elapsed() < at_most => sleep(EVERY),
            None => {
                // It may just have ended.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} took longer than {} s", at_most.as_secs()));
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, at_most: u64) -> Result<(), String> {
        let words = ["sh", "-c", script].map(ToOwned::to_owned);
        within(&words, &Message::test(chrono::DateTime::UNIX_EPOCH), Duration::from_secs(at_most))
    }

    #[test]
    fn a_program_gets_title_and_text_and_its_failure_is_told() {
        shell("test \"$ICLOCK_ALERT\" = 'iclock: a test, nothing is wrong' && grep -q arrive", 30).unwrap();
        assert!(shell("exit 3", 30).unwrap_err().contains('3'));
        assert!(run(&["/no/such/program".to_owned()], &Message::test(chrono::DateTime::UNIX_EPOCH)).is_err());
        assert_eq!(run(&[], &Message::test(chrono::DateTime::UNIX_EPOCH)), Err("there is no program".to_owned()));
    }

    #[test]
    fn a_program_that_hangs_is_ended() {
        let began = Instant::now();
        assert!(shell("exec sleep 60", 1).unwrap_err().contains("longer than 1 s"));
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

//! What a person sees on a screen: progress, colours and the width; and no stale line after Ctrl-C.
#![cfg(all(target_os = "linux", feature = "sqlite"))]

mod common;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{World, terminal};
use zk_sim::{Fault, Server};

/// The longest that anything in these tests takes, on a machine that has other work.
const AT_MOST: Duration = Duration::from_secs(60);

/// The end of a program on a screen.
struct Seen {
    code: i32,
    /// All that it wrote.
    raw: String,
}

impl Seen {
    /// The lines that are left on a screen of so many columns.
    fn lines(&self, columns: usize) -> Vec<String> {
        let mut screen = Screen { columns, ..Screen::default() };
        let mut letters = self.raw.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\u{1b}' => {
                    // A sequence such as ESC [ 2 K; others have no place here.
                    assert_eq!(letters.next(), Some('['));
                    let text: String = letters.by_ref().take_while(|letter| !letter.is_ascii_alphabetic()).collect();
                    // The letter that ends it is gone with `take_while`, so it is looked up in the text.
                    let at = self.raw.len() - letters.as_str().len() - 1;
                    screen.control(text.trim_start_matches('?').parse().ok(), self.raw.as_bytes()[at].into());
                }
                letter => screen.put(letter),
            }
        }
        screen.lines.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned()).collect()
    }
}

/// As much of a terminal as progress needs.
#[derive(Default)]
struct Screen {
    columns: usize,
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn line(&mut self) -> &mut Vec<char> {
        let rows = self.lines.len().max(self.row + 1);
        self.lines.resize(rows, Vec::new());
        &mut self.lines[self.row]
    }

    fn put(&mut self, letter: char) {
        if self.column == self.columns {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let column = self.column;
        let line = self.line();
        let length = line.len().max(column + 1);
        line.resize(length, ' ');
        line[column] = letter;
        self.column += 1;
    }

    fn control(&mut self, number: Option<usize>, what: char) {
        let column = self.column;
        match what {
            'A' => self.row = self.row.saturating_sub(number.unwrap_or(1)),
            'B' => self.row += number.unwrap_or(1),
            'C' => self.column += number.unwrap_or(1),
            'D' => self.column = self.column.saturating_sub(number.unwrap_or(1)),
            'K' if number == Some(2) => self.line().clear(),
            'K' => self.line().truncate(column),
            'J' => {
                self.line().truncate(column);
                self.lines.truncate(self.row + 1);
            }
            // Colours, and the cursor's look.
            'm' | 'h' | 'l' => {}
            other => panic!("ESC [ {number:?} {other}"),
        }
    }
}

/// Runs the program on a screen of its own. Once it has written a text, it gets this input.
fn on_screen(
    world: &World,
    columns: usize,
    args: &[String],
    env: &[(&str, &str)],
    input: Option<(&str, &[u8])>,
) -> Seen {
    let words = std::iter::once(env!("CARGO_BIN_EXE_iclock-cli").to_owned()).chain(args.iter().cloned());
    let command: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    let command = format!("stty cols {columns} rows 50 && exec {}", command.join(" "));
    let mut script = Command::new("script");
    script.args(["-qefc", &command, "/dev/null"]).current_dir(world.path()).env("TERM", "xterm-256color");
    script.env_remove("NO_COLOR").envs(env.iter().copied());
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = script.stdout.take().unwrap();
    let (sender, blocks) = mpsc::channel();
    std::thread::spawn(move || {
        let mut block = [0; 4096];
        while let Ok(length @ 1..) = stdout.read(&mut block) {
            if sender.send(block[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    // Without a keyboard, the screen would be closed.
    let mut keyboard = script.stdin.take().unwrap();
    let (began, mut bytes, mut input) = (Instant::now(), Vec::new(), input);
    while let Ok(block) = blocks.recv_timeout(AT_MOST.saturating_sub(began.elapsed())) {
        bytes.extend(block);
        if let Some((part, keys)) = input.filter(|(part, _)| String::from_utf8_lossy(&bytes).contains(part)) {
            keyboard.write_all(keys).unwrap_or_else(|error| panic!("after {part:?}: {error}"));
            input = None;
        }
    }
    let code = script.wait().unwrap().code().unwrap();
    Seen { code, raw: String::from_utf8(bytes).unwrap() }
}

fn args(servers: &[Server], names: &str) -> Vec<String> {
    let mut args = vec!["sync".to_owned(), "--sink".to_owned(), "sqlite:att.db".to_owned()];
    for (n, server) in servers.iter().enumerate() {
        args.extend(["--device".to_owned(), format!("{names}{n}={}", server.addr())]);
    }
    args
}

#[test]
fn ctrl_c_leaves_no_stale_line_and_is_no_failure() {
    let world = World::new();
    let slow = Fault::parse("latency=20ms").unwrap();
    let servers = [world.serve(terminal(200_000).serial("S0").fault(slow)), world.serve(terminal(20).serial("S1"))];
    let seen = on_screen(&world, 100, &args(&servers, "gate"), &[], Some((" of 200,000 records", b"\x03")));
    assert_eq!(seen.code, 130, "{}", seen.raw);
    assert!(seen.raw.contains(" of 200,000 records"), "{}", seen.raw);
    let lines = seen.lines(100);
    let text = lines.join("\n");
    for stale in ["reading", "connecting", "of 2 terminals", "FAILED"] {
        assert!(!text.contains(stale), "{stale}: {text}");
    }
    assert!(text.contains("stopping after the current batch") && text.contains("\nInterrupted after "), "{text}");
    assert!(lines.iter().any(|line| line.contains("gate0") && line.contains("stopped")), "{text}");
}

#[test]
fn many_terminals_show_their_progress_in_one_line_and_the_report_has_the_width_and_colours_of_the_screen() {
    let world = World::new();
    let slow = Fault::parse("latency=5ms").unwrap();
    let servers: Vec<Server> =
        (0..14).map(|n| world.serve(terminal(2_000).serial(&format!("S{n}")).fault(slow))).collect();
    let name = "the-gate-of-the-northern-school-by-the-harbour-";
    let seen = on_screen(&world, 140, &args(&servers, name), &[], None);
    assert_eq!(seen.code, 0, "{}", seen.raw);
    assert!(seen.raw.contains(" of 14 terminals") && seen.raw.contains(" %"), "{}", seen.raw);
    assert!(seen.raw.contains("\u{1b}[32mok\u{1b}[0m"), "{}", seen.raw);
    let lines = seen.lines(140);
    assert!(lines[0].trim_start().starts_with("Terminal "), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(&format!("{name}13")) && line.chars().count() > 80), "{lines:#?}");
    let again = on_screen(&world, 60, &args(&servers, "g"), &[("NO_COLOR", "1")], None);
    assert!(!again.raw.contains("\u{1b}[32m") && again.code == 0, "{}", again.raw);
    assert!(again.lines(60).iter().all(|line| line.chars().count() <= 60), "{:#?}", again.lines(60));
}

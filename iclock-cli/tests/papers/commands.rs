//! Each command that a manual shows is run, in the order of the manual. One that cannot be run here is listed with the
//! reason, and at least its arguments are checked.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::common::World;
use super::markdown::{blocks, code, prose};
use super::scene::Scene;
use super::{manuals, read, root};

/// How a command is checked that is not simply run to its end.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// It runs until it is stopped: it prints something, and SIGTERM ends it well.
    Endless,
    /// The program takes its arguments, and then misses its configuration.
    Parsed,
    /// The scripts of the checks run the same.
    InTest,
    /// Nothing is checked.
    Elsewhere,
}

/// The commands that are not simply run, with the way in which they are checked, and why. A command is named by its
/// beginning, or by its manual and the whole of it.
const EXCEPTIONS: &[(&str, Check, &str)] = &[
    ("iclock-cli serve", Check::Elsewhere, "it waits for terminals; tests/push runs it"),
    ("iclock-cli access create", Check::Parsed, "it prints a secret; tests/push runs it"),
    ("iclock-cli access link", Check::Parsed, "it prints a secret; tests/commands runs it"),
    ("iclock-cli access password", Check::Parsed, "it asks for a password; tests/push runs it"),
    ("iclock-cli demo --serve", Check::Elsewhere, "it runs until it is stopped; tests/push runs it"),
    ("cargo run --release -- demo --serve", Check::Elsewhere, "it runs until it is stopped; tests/push runs it"),
    ("curl ", Check::Elsewhere, "it calls a running service; tests/push asks the same"),
    ("iclock-cli push", Check::Parsed, "it needs a ledger of serve; tests/push runs it"),
    ("iclock-cli simulate --listen", Check::Endless, "it serves until it is stopped"),
    ("iclock-cli simulate --push", Check::Endless, "it pushes until it is stopped"),
    ("iclock-cli sync --loop", Check::Endless, "it runs until it is stopped"),
    ("iclock-cli discover", Check::Elsewhere, "it searches a network; tests/wire runs it"),
    ("iclock-cli live", Check::Elsewhere, "it waits for a punch; tests/wire runs it"),
    ("iclock-cli sync --live", Check::Endless, "it runs until it is stopped"),
    ("docs/from-the-python-tool.md: iclock-cli sync", Check::Parsed, "it needs Firestore; tests/firestore.rs runs it"),
    ("iclock-cli health", Check::Elsewhere, "it needs a running service; tests/resident.rs runs it"),
    ("iclock-cli alert test", Check::Parsed, "it sends something; tests/resident.rs runs it"),
    ("iclock-cli clear", Check::Parsed, "it empties a terminal; tests/sync.rs runs it"),
    ("iclock-cli doctor sink --find-garbage", Check::Parsed, "it needs Firestore; tests/doctor runs it"),
    ("iclock-cli doctor", Check::Parsed, "it exits with 70 if it finds something; tests/doctor runs it"),
    ("iclock-cli init", Check::Elsewhere, "it overwrites nothing, and there is a file; tests/usage.rs runs it"),
    ("sudo iclock-cli init", Check::Elsewhere, "it writes into /etc; tests/usage.rs uses a directory"),
    ("sudo iclock-cli service install", Check::Elsewhere, "it changes this machine; tests/usage.rs uses a directory"),
    ("iclock-cli clone-users", Check::Parsed, "it needs several terminals"),
    ("cargo install --locked --path iclock-cli", Check::Elsewhere, "it compiles the program that this test runs"),
    ("./test", Check::InTest, "it runs this test"),
    ("cargo ", Check::InTest, "the checks run it"),
    ("python3 .ci/", Check::InTest, "the checks run it"),
    ("RUSTDOCFLAGS=", Check::InTest, "the checks run it"),
];

/// The lines of a shell block, without comments, joined where they go on.
fn commands(block: &str) -> Vec<String> {
    let whole = block.replace("\\\n", " ");
    let lines = whole.lines().map(|line| match line.split_once(" #") {
        Some((command, _)) => command.trim().to_owned(),
        None => line.trim().to_owned(),
    });
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn shell(world: &World, line: &str) -> assert_cmd::Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_iclock-cli")).parent().unwrap();
    let mut command = world.program("sh");
    command.args(["-c", line]).env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
    command
}

fn run(scene: &Scene, paper: &str, line: &str) {
    let output = shell(&scene.world, &scene.command(line)).write_stdin(scene.serial() + "\n").output().unwrap();
    assert!(output.status.success(), "{paper}: {line}\n{output:?}");
}

fn run_until_stopped(scene: &Scene, paper: &str, line: &str) {
    let command = scene.command(line);
    let arguments = command.strip_prefix("iclock-cli ").unwrap().split_whitespace();
    let mut program = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    let program = program.current_dir(scene.world.path()).args(arguments).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = program.spawn().unwrap();
    let mut output = BufReader::new(running.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    assert!(!first.is_empty(), "{paper}: {line} prints nothing");
    let stopped = Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    assert!(stopped.success(), "{paper}: {line} ended by itself");
    std::io::copy(&mut output, &mut std::io::sink()).unwrap();
    let status = running.wait().unwrap();
    assert!(status.success(), "{paper}: {line} ended with {status}");
}

/// The program takes the arguments: without its configuration it ends with another code than that of wrong usage.
fn parse(paper: &str, line: &str) {
    let world = World::new();
    let output = shell(&world, &format!("{line} --config missing.toml")).output().unwrap();
    assert_eq!(output.status.code(), Some(10), "{paper}: {line}\n{output:?}");
}

/// The text of the scripts that check everything, without what is only there to keep them quiet.
fn scripts() -> String {
    let folder = std::fs::read_dir(root().join(".ci")).into_iter().flatten();
    let more = folder.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let texts = more.chain([root().join("test")]).map(|path| std::fs::read_to_string(path).unwrap());
    let whole = texts.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    whole.split_whitespace().filter(|word| *word != "-q").collect::<Vec<_>>().join(" ")
}

fn is_in_the_scripts(paper: &str, line: &str) {
    let scripts = scripts();
    match line.strip_prefix("./test") {
        Some(flags) => {
            let flags = flags.split_whitespace().filter(|word| word.starts_with("--"));
            flags.for_each(|flag| assert!(scripts.contains(flag), "{paper}: {line}: ./test has no {flag}"));
        }
        None => assert!(scripts.contains(line), "{paper}: the checks do not run: {line}"),
    }
}

#[test]
fn every_command_of_every_manual_runs() {
    let (mut used, mut count) = (BTreeSet::new(), 0);
    for paper in manuals() {
        let scene = Scene::of(&paper);
        for block in blocks(&read(&paper)) {
            let lines = match block.language.as_str() {
                "sh" => commands(&block.text),
                // Not commands: output, configuration, code.
                "text" | "toml" | "json" | "yaml" | "rust" | "rust,ignore" | "rust,no_run" => continue,
                other => panic!("{paper}: is a block of {other:?} commands? then write sh"),
            };
            for line in lines {
                count += 1;
                let named = format!("{paper}: {line}");
                let exception = EXCEPTIONS.iter().find(|(which, ..)| line.starts_with(which) || named == *which);
                used.extend(exception.map(|(which, ..)| *which));
                match exception.map(|(_, check, _)| *check) {
                    None => run(&scene, &paper, &line),
                    Some(Check::Elsewhere) => {}
                    _ if line.starts_with("cargo run --release -- ") => run(&scene, &paper, &line),
                    Some(Check::Endless) => run_until_stopped(&scene, &paper, &line),
                    Some(Check::Parsed) => parse(&paper, &line),
                    Some(Check::InTest) => is_in_the_scripts(&paper, &line),
                }
            }
        }
    }
    let unused: Vec<_> = EXCEPTIONS.iter().filter(|(which, ..)| !used.contains(which)).collect();
    assert!(unused.is_empty(), "no manual shows these any more: {unused:?}");
    assert!(count > 30, "only {count} commands were found");
}

#[test]
fn the_commands_and_flags_in_the_text_of_every_manual_exist() {
    let world = World::new();
    let mut count = 0;
    for paper in manuals() {
        let text = prose(&read(&paper));
        for span in code(&text).into_iter().filter(|span| span.starts_with("iclock-cli ")) {
            let words: Vec<&str> = span.split_whitespace().skip(1).collect();
            let is_word = |word: &&str| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-');
            let command: Vec<&str> =
                words.iter().copied().take_while(|word| is_word(word) && !word.starts_with('-')).collect();
            let help = world.cli(&[&command[..], &["--help"]].concat()).ended(0).stdout;
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(*flag), "{paper}: {span}: no {flag}");
            }
            count += 1;
        }
    }
    assert!(count > 3, "only {count} were found");
}

#[test]
fn a_block_is_taken_apart_into_commands() {
    assert_eq!(commands("a --b   # why\n# only a comment\n\nc \\\n  d\n"), ["a --b", "c    d"]);
}

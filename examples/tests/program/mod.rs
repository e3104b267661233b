//! An example as a program of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// Far more than any line takes, on a machine however busy.
const BOUND: Duration = Duration::from_secs(120);

/// The directory of the examples that cargo builds with this test, next to the directory of the test.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test is a program");
    let directory = test.ancestors().nth(2).expect("cargo puts tests into deps/").join("examples");
    let program = directory.join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "{} is built by `cargo test -p examples`, without --test", program.display());
    program
}

/// How a program ended, and what it said.
pub(crate) struct Ended {
    name: String,
    success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The output of a successful run.
    pub(crate) fn ok(self) -> String {
        assert!(self.success, "{}: {}", self.name, self.stderr);
        self.stdout
    }

    /// The error message of a failed run, which printed nothing else.
    pub(crate) fn failed(self) -> String {
        assert!(!self.success && self.stdout.is_empty(), "{}: {}", self.name, self.stdout);
        self.stderr
    }
}

/// Runs an example to its end.
pub(crate) fn run(name: &str, arguments: &[impl AsRef<OsStr>]) -> Ended {
    run_in(&std::env::temp_dir(), name, arguments)
}

/// Runs an example to its end in a directory.
pub(crate) fn run_in(directory: &Path, name: &str, arguments: &[impl AsRef<OsStr>]) -> Ended {
    let output = Command::new(program(name)).args(arguments).current_dir(directory).output().expect("it is a program");
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    Ended { name: name.to_owned(), success: output.status.success(), stdout, stderr }
}

/// An example that runs until this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub(crate) fn start(name: &str, arguments: &[impl AsRef<OsStr>]) -> Self {
        Self::start_in(&std::env::temp_dir(), name, arguments)
    }

    /// Starts it in a directory.
    pub(crate) fn start_in(directory: &Path, name: &str, arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(program(name));
        command.args(arguments).current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it is a program");
        let printed = child.stdout.take().expect("it was asked for");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(printed).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, lines }
    }

    /// The next line that it prints.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(BOUND).expect("it prints a line")
    }
}

impl Running {
    /// Writes a line to its input.
    pub(crate) fn tell(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("it was asked for");
        writeln!(input, "{line}").expect("it reads");
    }

    /// Waits until it has ended. Returns true if it ended well.
    pub(crate) fn ended_well(mut self) -> bool {
        self.child.wait().expect("it was started").success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

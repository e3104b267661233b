//! `serve` as a program, and requests to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::common::World;

pub(crate) const SERIAL: &str = "SN1";
/// The longest that anything in these tests takes, on a machine that has other work.
pub(crate) const AT_MOST: Duration = Duration::from_secs(60);

/// `serve` at a free port.
pub(crate) struct Serving {
    said: Arc<Mutex<String>>,
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Serving {
    pub(crate) fn start(world: &World, more: &[&str]) -> Self {
        Self::start_with(world, &[&["serve", "--push", "127.0.0.1:0"], more].concat())
    }

    /// With these arguments and no others.
    pub(crate) fn start_with(world: &World, arguments: &[&str]) -> Self {
        Self::start_command(world, program(world).args(arguments))
    }

    pub(crate) fn start_command(world: &World, command: &mut Command) -> Self {
        Self::start_until(world, command, "terminals may call http")
    }

    /// Until it has said a line that begins so, and names its address.
    pub(crate) fn start_until(world: &World, command: &mut Command, begins: &str) -> Self {
        let mut child = command
            .stdout(std::fs::File::create(world.path().join("out")).unwrap())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut address = None;
        let mut said = String::new();
        while address.is_none() {
            let before = said.len();
            assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended: {said}");
            let line = &said[before..];
            let url = line.strip_prefix(begins);
            let place = url.map(|rest| rest.trim_start_matches('s').trim_start_matches("://").trim());
            // A path with a token may follow.
            address = place.map(|place| place.split('/').next().unwrap().parse().unwrap());
        }
        // A full pipe would stop the program.
        let said = Arc::new(Mutex::new(said));
        let later = Arc::clone(&said);
        std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
                later.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Self { said, child, address: address.unwrap() }
    }

    /// All of stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn upload(&self, serial: &str, rows: &str) -> Option<String> {
        upload(self.address, serial, rows)
    }

    pub(crate) fn ends(mut self, signal: &str) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(began.elapsed() < AT_MOST, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Uploads rows, and returns the answer; `None` without a whole one.
pub(crate) fn upload(address: SocketAddr, serial: &str, rows: &str) -> Option<String> {
    request(address, &format!("POST /iclock/cdata?SN={serial}&table=ATTLOG&Stamp=9999"), rows)
}

/// `iclock-cli` in the directory of a world. One program alone can have its pages at the usual port: there are none
/// here, unless a test asks for them.
pub(crate) fn program(world: &World) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    command.current_dir(world.path()).env("ICLOCK_SERVER_LISTEN", "off");
    command
}

/// Sends a request, and returns the answer; `None` without a whole one.
pub(crate) fn request(address: SocketAddr, line: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(AT_MOST)).unwrap();
    let length = body.len();
    write!(stream, "{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.contains("\r\n\r\n").then_some(answer)
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < AT_MOST, "not within {AT_MOST:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn configure(world: &World, more: &str) {
    world.write(
        "iclock.toml",
        format!(
            "state_dir = \"state\"\n{more}\n[[pushing]]\nserial = \"{SERIAL}\"\nname = \"branch\"\n\
             zone = \"Indian/Maldives\"\n[[sink]]\nurl = \"sqlite:att.db\"\n"
        ),
    );
}

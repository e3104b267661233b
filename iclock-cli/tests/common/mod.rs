//! A directory, simulated terminals in this process, and the programs in processes of their own.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod staff;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use zk_sim::{Profile, Punch, Server, Terminal, TerminalBuilder};

/// The longest that a run of the program may take, with any fault.
const DEADLINE: Duration = Duration::from_secs(120);

/// A directory of its own for a test.
pub(crate) struct World {
    dir: TempDir,
    pub(crate) runtime: Runtime,
}

/// The result of a run of a program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// One row as the terminal's owner would read it: user id, time, verify mode, punch state.
pub(crate) type Row = (String, String, u8, u8);

impl World {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), runtime }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn serve(&self, terminal: TerminalBuilder) -> Server {
        self.runtime.block_on(Server::start(terminal.build(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))).unwrap()
    }

    /// A program in this directory, without the settings of the environment that runs the tests.
    pub(crate) fn program(&self, path: &str) -> Command {
        let mut command = Command::new(path);
        command.current_dir(self.path()).timeout(DEADLINE);
        for (name, _) in std::env::vars() {
            let is_proxy = name.to_ascii_uppercase().ends_with("_PROXY");
            if is_proxy || ["ICLOCK_", "DEVICE_", "FIREBASE_"].iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
    }

    pub(crate) fn cli(&self, args: &[&str]) -> Run {
        Run::of(self.program(env!("CARGO_BIN_EXE_iclock-cli")).args(args))
    }

    /// `iclock-cli` with more work than usual.
    pub(crate) fn cli_within(&self, limit: Duration, args: &[&str]) -> Run {
        Run::of(self.program(env!("CARGO_BIN_EXE_iclock-cli")).timeout(limit).args(args))
    }

    /// `iclock-cli` in a directory below this one.
    pub(crate) fn cli_in(&self, dir: &str, args: &[&str]) -> Run {
        let dir = self.path().join(dir);
        fs::create_dir_all(&dir).unwrap();
        Run::of(self.program(env!("CARGO_BIN_EXE_iclock-cli")).current_dir(dir).args(args))
    }

    pub(crate) fn iclock(&self, args: &[&str]) -> Run {
        Run::of(self.program(env!("CARGO_BIN_EXE_iclock")).args(args))
    }

    /// `sync --json` of these terminals into `att.db`, with more arguments.
    pub(crate) fn sync(&self, servers: &[&Server], more: &[&str]) -> Run {
        let devices: Vec<String> =
            servers.iter().enumerate().map(|(n, server)| format!("t{n}={}", server.addr())).collect();
        let mut args = vec!["sync", "--json", "--sink", "sqlite:att.db", "--state", "state"];
        for device in &devices {
            args.extend(["--device", device]);
        }
        args.extend(more);
        self.cli(&args)
    }

    /// Returns the rows of `att.db`.
    pub(crate) fn stored(&self) -> BTreeSet<Row> {
        let database = rusqlite::Connection::open(self.path().join("att.db")).unwrap();
        let mut rows =
            database.prepare("SELECT user_id, local_time, verify_mode, punch_state FROM attendance_events").unwrap();
        rows.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    /// Every file below the directory, with its content.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn below(dir: &Path, all: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { below(&path, all) } else { all.push((path.clone(), fs::read(&path).unwrap())) }
            }
        }
        let mut all = Vec::new();
        below(self.path(), &mut all);
        all.sort();
        all
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::ended_with(&command.output().unwrap())
    }

    fn ended_with(output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// The report on stdout: one line and nothing else.
    pub(crate) fn report(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// Asserts the exit code, and that each error ends with the next step.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        let errors = self.without_a_next_step();
        assert!(errors.is_empty(), "these errors end without a next step: {errors:#?}");
        self
    }
}

impl Run {
    /// The errors on stderr that do not say what to try. After Ctrl-C there is nothing to try.
    fn without_a_next_step(&self) -> Vec<&str> {
        // clap has words of its own.
        let steps = ["\n  try: ", "\nFor more information, try '--help'."];
        let mut errors: Vec<&str> = self.stderr.split("\nerror: ").collect();
        if let Some(first) = errors.first_mut() {
            *first = first.strip_prefix("error: ").unwrap_or_default();
        }
        errors.retain(|error| !error.is_empty() && !steps.iter().any(|step| error.contains(step)));
        if self.code == 130 { Vec::new() } else { errors }
    }
}

/// The rows of a terminal's log that must be stored: all with a positive user id and a real date.
pub(crate) fn truth(server: &Server) -> BTreeSet<Row> {
    server.handle().records().iter().filter(|punch| is_valid(punch)).map(row).collect()
}

pub(crate) fn is_valid(punch: &Punch) -> bool {
    punch.user_id.parse::<u64>().is_ok_and(|id| id > 0) && punch.time.exists()
}

pub(crate) fn row(punch: &Punch) -> Row {
    let time = punch.time;
    let text = format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    (punch.user_id.to_string(), text, punch.mode, punch.state)
}

pub(crate) fn terminal(records: usize) -> TerminalBuilder {
    Terminal::builder().records(records).users(50).seed(7)
}

/// The lines of JSON on stdout.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Writes a configuration with these terminals.
pub(crate) fn configure(world: &World, servers: &[(&str, &Server)]) {
    let table = |(name, server): &(&str, &Server)| {
        let addr = server.addr();
        format!("[[device]]\nname = \"{name}\"\nhost = \"{}\"\nport = {}\ntimeout = \"1s\"\n", addr.ip(), addr.port())
    };
    world.write("iclock.toml", servers.iter().map(table).collect::<String>());
}

/// An address at which nothing listens.
pub(crate) fn nowhere() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Runs `iclock-cli` until this happens, then sends it SIGINT, as Ctrl-C does, and waits for its end.
#[cfg(unix)]
pub(crate) fn interrupted(world: &World, args: &[&str], happens: impl Fn() -> bool) -> Run {
    use std::process::{Command, Stdio};
    let mut program = Command::new(env!("CARGO_BIN_EXE_iclock-cli"));
    program.args(args).current_dir(world.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    while !happens() {
        assert!(program.try_wait().unwrap().is_none(), "it ended before");
        std::thread::yield_now();
    }
    let id = program.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    Run::ended_with(&program.wait_with_output().unwrap())
}

/// Terminals of three families, each over TCP and UDP, with the flag that names them.
pub(crate) fn families(world: &World) -> Vec<(Server, String)> {
    let profiles = ["tft40", "bw8", "tft16"].map(|name| Profile::named(name).unwrap());
    let both = profiles.into_iter().flat_map(|profile| ["tcp", "udp"].map(|carrier| (profile.clone(), carrier)));
    let serve = |(profile, carrier): (Profile, &str)| {
        let server = world.serve(terminal(3).profile(profile));
        let spec = format!("gate={}?transport={carrier}&timeout=2s", server.addr());
        (server, spec)
    };
    both.map(serve).collect()
}

/// The emulator's address; says that the test is skipped if there is none.
pub(crate) fn emulator(test: &str) -> Option<String> {
    let address = std::env::var("FIRESTORE_EMULATOR_HOST").ok();
    if address.is_none() {
        // Not `eprintln!`, which the test harness would swallow.
        let _ = writeln!(std::io::stderr(), "skipped: {test}: Firestore emulator (set FIRESTORE_EMULATOR_HOST)");
    }
    address
}

/// The documents of a collection in the emulator, by id: their fields as its JSON shows them.
pub(crate) fn documents(address: &str, project: &str, collection: &str) -> BTreeMap<String, Value> {
    let (mut all, mut token) = (BTreeMap::new(), String::new());
    loop {
        let path =
            format!("/v1/projects/{project}/databases/(default)/documents/{collection}?pageSize=300&pageToken={token}");
        let body: Value = serde_json::from_slice(&ask(address, "GET", &path, "")).unwrap();
        for document in body["documents"].as_array().into_iter().flatten() {
            let id = document["name"].as_str().unwrap().rsplit('/').next().unwrap();
            all.insert(id.to_owned(), document["fields"].clone());
        }
        match body["nextPageToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
}

/// Puts a document into the emulator, with fields as its JSON shows them.
pub(crate) fn create_document(address: &str, project: &str, collection: &str, id: &str, fields: &Value) {
    let path = format!("/v1/projects/{project}/databases/(default)/documents/{collection}?documentId={id}");
    let body = serde_json::json!({ "fields": fields }).to_string();
    let answer: Value = serde_json::from_slice(&ask(address, "POST", &path, &body)).unwrap();
    assert!(answer["name"].is_string(), "{answer}");
}

/// Deletes a document from the emulator.
pub(crate) fn delete_document(address: &str, project: &str, collection: &str, id: &str) {
    let path = format!("/v1/projects/{project}/databases/(default)/documents/{collection}/{id}");
    let answer: Value = serde_json::from_slice(&ask(address, "DELETE", &path, "")).unwrap();
    assert_eq!(answer, serde_json::json!({}));
}

/// The body of the emulator's answer.
fn ask(address: &str, method: &str, path: &str, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer owner\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    // The emulator does not close the connection.
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    body
}

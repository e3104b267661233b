//! Database servers of a test's own, from what is installed: to be stopped, misconfigured and filled up.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

/// The limit for a server to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a directory and a port of its own. It is killed when it is dropped.
pub(crate) struct OwnServer {
    directory: TempDir,
    user: Option<(u32, u32)>,
    program: PathBuf,
    arguments: Vec<String>,
    pub(crate) port: u16,
    child: Option<Child>,
}

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// As it is asked to, within moments: connections are closed.
    Asked,
    /// As by a power cut.
    Killed,
}

/// A certificate of a server, which is its own authority.
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// The directory of PostgreSQL's programs, or the reason why tests with their own server cannot run.
pub(crate) fn postgres_programs() -> Result<PathBuf, String> {
    std::env::var("TEST_POSTGRES_URL").map_err(|_| "TEST_POSTGRES_URL is not set".to_owned())?;
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).max();
    newest.ok_or_else(|| "no PostgreSQL server is installed".to_owned())
}

/// The path of MariaDB's server, or the reason why tests with their own server cannot run.
pub(crate) fn mariadb_program() -> Result<PathBuf, String> {
    std::env::var("TEST_MYSQL_URL").map_err(|_| "TEST_MYSQL_URL is not set".to_owned())?;
    let program = PathBuf::from("/usr/sbin/mariadbd");
    if program.exists() { Ok(program) } else { Err("no MariaDB server is installed".to_owned()) }
}

impl OwnServer {
    /// PostgreSQL with these settings; `test` signs in with the password `secret`, encrypted or not.
    pub(crate) fn postgres(settings: &[&str]) -> Self {
        let programs = postgres_programs().unwrap();
        let mut server = Self::new(programs.join("postgres"), "postgres");
        let (data, password) = (server.path("data"), server.path("password"));
        std::fs::write(&password, "secret").unwrap();
        server.own(&password);
        let mut initdb = server.command(&programs.join("initdb"));
        initdb.args(["--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-U", "test", "-A", "scram-sha-256"]);
        run(initdb.arg("-D").arg(&data).arg("--pwfile").arg(&password));
        let port = server.port.to_string();
        server.arguments = ["-D", &data.display().to_string(), "-p", &port, "-c", "listen_addresses=127.0.0.1"]
            .map(str::to_owned)
            .to_vec();
        server.arguments.extend(["-k".to_owned(), server.directory.path().display().to_string()]);
        server.arguments.extend(settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]));
        server.start();
        server
    }

    /// MariaDB with these options; `root` signs in without a password, and there is a database `attendance`.
    pub(crate) fn mariadb(options: &[&str]) -> Self {
        let mut server = Self::new(mariadb_program().unwrap(), "mysql");
        let data = format!("--datadir={}", server.path("data").display());
        // A server that starts deletes the temporary tables of all others that have the same directory for them.
        let temporary = format!("--tmpdir={}", server.directory.path().display());
        let mut install = server.command(Path::new("mariadb-install-db"));
        run(install
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", &data, &temporary])
            .args(options));
        let socket = format!("--socket={}", server.path("socket").display());
        let port = format!("--port={}", server.port);
        server.arguments = ["--no-defaults", &data, &port, "--bind-address=127.0.0.1", &socket, &temporary]
            .map(str::to_owned)
            .to_vec();
        server.arguments.extend(options.iter().map(|option| (*option).to_owned()));
        server.start();
        server
    }

    fn new(program: PathBuf, user: &str) -> Self {
        let user = is_root().then(|| account(user));
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { directory, user, program, arguments: Vec::new(), port, child: None };
        server.own(server.directory.path());
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Gives a file to the account under which the server runs.
    fn own(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path()).stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts it, and waits until it takes connections.
    pub(crate) fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command(&self.program);
        command.args(&self.arguments).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
            // What is left of one that was killed keeps the next from starting for a moment.
            if child.try_wait().unwrap().is_some() {
                child = command.spawn().unwrap();
            }
        }
        self.child = Some(child);
    }

    /// Ends it; what it called stored is on the disk.
    pub(crate) fn stop(&mut self, end: End) {
        let Some(mut child) = self.child.take() else { return };
        let signal = match end {
            End::Asked if self.program.ends_with("postgres") => "-INT",
            End::Asked => "-TERM",
            End::Killed => "-KILL",
        };
        // PostgreSQL's own processes end with their parent, but not in the same moment: the port is free when all have.
        let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
        child.wait().unwrap();
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The server's log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.stop(End::Asked);
    }
}

/// A certificate for this name, valid until the end of this year, in a directory that outlives the server.
pub(crate) fn certificate(directory: &Path, user: &str, name: &str, until_year: i32) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(until_year, 12, 31);
    let made = Certificate {
        certificate: directory.join(format!("{name}-{until_year}.pem")),
        key: directory.join(format!("{name}-{until_year}.key")),
    };
    std::fs::write(&made.certificate, parameters.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&made.key, key.serialize_pem()).unwrap();
    std::fs::set_permissions(&made.key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    if is_root() {
        let (user, group) = account(user);
        for file in [directory, &made.certificate, &made.key] {
            chown(file, Some(user), Some(group)).unwrap();
        }
    }
    made
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// User and group of an account.
fn account(name: &str) -> (u32, u32) {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name)).unwrap();
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}

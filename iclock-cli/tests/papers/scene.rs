//! The place in which the commands of a manual run: a directory, a simulated terminal, and what the manual begins with.

use std::collections::BTreeMap;

use zk_sim::{Fault, Server};

use super::common::{World, terminal};

/// Where the commands of one manual run, one after the other.
pub(crate) struct Scene {
    pub(crate) world: World,
    /// The terminal that the manual talks to comes first.
    servers: Vec<Server>,
}

/// A Firestore key of nobody.
pub(crate) fn key(project: &str) -> String {
    let word = "PRIVATE KEY-----";
    let key = format!("-----BEGIN {word}\nbm9uZQ==\n-----END {word}\n");
    let fields = [("type", "service_account"), ("project_id", project), ("private_key_id", "0"), ("private_key", &key)];
    let mut all: BTreeMap<&str, &str> = fields.into();
    all.insert("client_email", "a@b.example");
    serde_json::to_string(&all).unwrap()
}

impl Scene {
    pub(crate) fn of(paper: &str) -> Self {
        let world = World::new();
        let servers = vec![world.serve(terminal(400).fault(Fault::parse("empty-user-ids=10").unwrap()))];
        let mut scene = Self { world, servers };
        match paper {
            "docs/from-the-python-tool.md" => scene.python_tool(),
            "docs/troubleshooting.md" => scene.refuse(),
            "docs/reports.md" | "docs/security.md" | "docs/upgrade.md" => scene.read_once(),
            _ => scene.configure(),
        }
        scene
    }

    /// A command of the manual as it can be run here: the terminal's address is that of the simulated one.
    pub(crate) fn command(&self, shown: &str) -> String {
        let address = self.servers[0].addr().to_string();
        let by_cargo = shown.strip_prefix("cargo run --release -- ").map(|rest| format!("iclock-cli {rest}"));
        by_cargo
            .unwrap_or_else(|| shown.to_owned())
            .replace("192.0.2.10", &address)
            .replace("sim=127.0.0.1", &format!("sim={address}"))
            .replace("--listen 127.0.0.1:4370", "--listen 127.0.0.1:0")
    }

    /// The answer to a command that asks for the serial number.
    pub(crate) fn serial(&self) -> String {
        self.servers.last().unwrap().handle().serial()
    }

    /// A ledger that has the punches.
    fn read_once(&self) {
        self.configure();
        self.world.cli(&["sync"]).ended(0);
    }

    fn configure(&self) {
        let sink = "[[sink]]\nname = \"attendance\"\nurl = \"sqlite:attendance.db\"\n";
        let devices = self.servers.iter().map(|server| {
            let (ip, port) = (server.addr().ip(), server.addr().port());
            format!("[[device]]\nname = \"at-{port}\"\nhost = \"{ip}\"\nport = {port}\n")
        });
        self.world.write("iclock.toml", devices.collect::<String>() + sink);
    }

    /// Runs a sync that leaves records in quarantine, and a log that could not be verified.
    fn refuse(&mut self) {
        let damaged = terminal(400).serial("DAMAGED-1").fault(Fault::parse("damaged-patch=130@200").unwrap());
        self.servers.push(self.world.serve(damaged));
        self.configure();
        self.world.cli(&["sync"]).ended(40);
    }

    /// Writes the directory of the Python tool.
    fn python_tool(&self) {
        let (ip, port) = (self.servers[0].addr().ip(), self.servers[0].addr().port());
        self.world.write("OLD/.env", format!("DEVICE_IPS={ip}\nDEVICE_NAMES=gate\nDEVICE_PORT={port}\n"));
        self.world.write("OLD/config/firebase-key.json", key("my-project"));
        self.world.write("OLD/cache/uploaded_ids_cache.json", "[\"a\"]");
    }
}

//! What only long tests need: numbers by chance, punches to add, and a look into the Firestore emulator.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use zk_proto::DeviceTime;
use zk_sim::{Handle, Punch};

/// Numbers by chance, from a seed that a failing test shows.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
        println!("seed {seed}");
        Self(seed)
    }

    /// A moment before `end`.
    pub(crate) fn within(&mut self, end: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        end.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// Lets people punch, a second after one another, behind the newest record.
pub(crate) fn punch(handle: &Handle, count: u32) {
    let last = handle.records().iter().map(|punch| punch.time.0).max().unwrap();
    let real = (last + 1..).map(DeviceTime).filter(|time| time.exists());
    let punches = real.zip(0..count).map(|(time, number)| {
        let uid = 1 + (number % 50) as u16;
        Punch::new(uid, &(1000 + u32::from(uid)).to_string(), time, (number % 2) as u8, 1)
    });
    handle.add_punches(punches);
}

/// A name that no other test, and no earlier run against the same emulator, has.
pub(crate) fn new_collection() -> String {
    format!("logs-{}-{}", std::process::id(), SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos())
}

/// Every document of a collection: its id, and its fields as the emulator writes them.
pub(crate) fn documents(emulator: &str, project: &str, collection: &str) -> BTreeMap<String, Value> {
    let (mut documents, mut token) = (BTreeMap::new(), String::new());
    loop {
        let page = get(
            emulator,
            &format!(
                "/v1/projects/{project}/databases/(default)/documents/{collection}?pageSize=1000&pageToken={token}"
            ),
        );
        for document in page["documents"].as_array().into_iter().flatten() {
            let id = document["name"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
            assert!(documents.insert(id, document["fields"].clone()).is_none(), "a page lists what an earlier one did");
        }
        match page["nextPageToken"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => return documents,
        }
    }
}

/// One request of HTTP/1.1, as little of it as the emulator needs. It keeps the connection open, whatever it is asked.
fn get(address: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer owner\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        line.trim_end().to_ascii_lowercase()
    };
    let status = line();
    assert!(status.starts_with("http/1.1 200 "), "{status}");
    let head: Vec<String> = std::iter::from_fn(|| Some(line()).filter(|line| !line.is_empty())).collect();
    let length = head.iter().find_map(|line| line.strip_prefix("content-length:")).expect("the answer says its length");
    let mut body = vec![0; length.trim().parse().unwrap()];
    answer.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

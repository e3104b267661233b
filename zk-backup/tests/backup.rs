//! Simulated terminals into files, and back: what the file holds is what the terminal had, or the file is refused.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use age::secrecy::ExposeSecret as _;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use zk_backup::{Contents, FileError, Key, Lock, Manifest, Passphrase, Protection, Snapshot, Wanted};
use zk_proto::client::{PullRequest, RestoreOptions, Restored};
use zk_proto::record::{FaceTemplate, FingerTemplate};
use zk_proto::{Client, ConnectOptions, Transport, Uid};
use zk_sim::{Fault, Handle, Person, Profile, Server, Terminal, TerminalBuilder};

/// A running terminal.
struct Site {
    server: Server,
    terminal: Handle,
    transport: Transport,
}

impl Site {
    async fn start(profile: Profile, transport: Transport, terminal: TerminalBuilder) -> Self {
        let server =
            Server::start(terminal.profile(profile).build(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { terminal: server.handle(), server, transport }
    }

    async fn client(&self) -> Client {
        let options = ConnectOptions::new("127.0.0.1").port(self.server.addr().port());
        Client::connect(&options.timeout(Duration::from_secs(2)).transport(self.transport)).await.unwrap()
    }

    async fn snapshot(&self) -> Snapshot {
        let mut client = self.client().await;
        let now = self.terminal.now();
        let wanted = Wanted::default().attendance(Some(PullRequest::new(now)));
        let snapshot = Snapshot::take(&mut client, &wanted, |_| {}).await.unwrap();
        client.exit().await;
        snapshot
    }
}

fn finger(uid: u16, finger: u8, size: usize) -> FingerTemplate {
    let template = (0..size).map(|at| (at * 7 + usize::from(uid) * 31 + usize::from(finger)) as u8).collect();
    FingerTemplate { uid: Uid(uid), finger, flag: 1 + 2 * (finger % 2), template }
}

/// A terminal with some of everything.
fn full() -> TerminalBuilder {
    let face = |index| FaceTemplate { size: 1214, uid: Uid(1), index, flag: 1, data: Bytes::from(vec![index; 2570]) };
    let terminal =
        Terminal::builder().seed(3).users(5).records(300).finger(finger(1, 6, 700)).finger(finger(3, 0, 512));
    let terminal = (0..15).fold(terminal, |terminal, index| terminal.face(face(index)));
    terminal.photo("1001", Bytes::from_static(b"\xFF\xD8 a photo")).option("VOLUME", "63")
}

/// A directory, and a file to be in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gate.tar");
    (dir, path)
}

fn write(snapshot: Snapshot, path: &Path, lock: &Lock) -> Manifest {
    snapshot.write(path, lock, SystemTime::now(), false).unwrap()
}

/// The entries of an open backup.
fn entries(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let entry = |entry: std::io::Result<tar::Entry<'_, fs::File>>| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    };
    archive.entries().unwrap().map(entry).collect()
}

#[tokio::test]
async fn a_file_has_what_the_terminal_has() {
    for (profile, transport) in [
        ("tft40", Transport::Tcp),
        ("tft40", Transport::Udp),
        ("iface", Transport::Tcp),
        ("bw8", Transport::Tcp),
        ("mb1", Transport::Tcp),
        ("udp-only", Transport::Udp),
    ] {
        let site = Site::start(Profile::named(profile).unwrap(), transport, full()).await;
        let snapshot = site.snapshot().await;
        let (_dir, path) = place();
        let taken = (snapshot.people.clone(), snapshot.faces.clone(), snapshot.photos.clone());
        let manifest = write(snapshot, &path, &Lock::Open);
        let contents = Contents::read(&path, &Key::None).unwrap();
        assert_eq!((contents.people.clone(), contents.faces.clone(), contents.photos.clone()), taken, "{profile}");
        assert_eq!(contents.manifest, manifest);
        assert_eq!(contents.people.fingers, site.terminal.inspect(Terminal::fingers));
        assert_eq!(manifest.terminal.serial, Some(site.terminal.serial()));
        let portraits = if profile == "iface" { (15, 1, 0) } else { (0, 0, 2) };
        let counts = manifest.counts;
        assert_eq!((counts.faces, counts.photos, manifest.missing.len()), portraits, "{:?}", manifest.missing);
        assert!(contents.options.contains(&("VOLUME".into(), "63".into())));
        assert!(contents.options.iter().all(|(name, _)| !name.eq_ignore_ascii_case("comkey")));
        let log = manifest.attendance.unwrap();
        assert_eq!((log.proven, log.records), (true, Some(300)));
        let entries = entries(&path);
        let width = entries["attendance.bin"].len() / 300;
        assert_eq!(entries["attendance.bin"].len(), width * 300);
        let text = String::from_utf8(entries["attendance.csv"].clone()).unwrap();
        assert_eq!(text.lines().count(), 301);
        let first = &site.terminal.records()[0];
        let line = text.lines().nth(1).unwrap();
        assert!(line.starts_with(&format!("1,{},", first.user_id)), "{line}");
        assert!(line.contains(&first.time.to_string()), "{line} {first:?}");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777, 0o600);
        // As `sha256sum -c` would check it.
        for line in String::from_utf8(entries["SHA256SUMS"].clone()).unwrap().lines() {
            let (sum, name) = line.split_once("  ").unwrap();
            assert_eq!(hex::encode(Sha256::digest(&entries[name])), sum, "{name}");
        }
    }
}

/// The size of a school or a factory.
#[tokio::test]
async fn three_thousand_users_with_two_fingers_each_are_the_same_on_an_empty_terminal() {
    let profile = Profile { finger_capacity: 6_000, ..Profile::default() };
    let person = |uid: u16| Person {
        uid,
        user_id: (20_000 + u32::from(uid)).to_string().into(),
        name: format!("Name {uid} عائشة"),
        privilege: if uid.is_multiple_of(500) { 14 } else { 0 },
    };
    let mut terminal = Terminal::builder().people((1..=3_000).map(person).collect());
    for uid in 1..=3_000 {
        terminal = terminal.finger(finger(uid, 0, 900)).finger(finger(uid, 6, 1100));
    }
    let old = Site::start(profile.clone(), Transport::Tcp, terminal).await;
    let new = Site::start(profile, Transport::Tcp, Terminal::builder()).await;
    let (_dir, path) = place();
    write(old.snapshot().await, &path, &Lock::Open);
    let contents = Contents::read(&path, &Key::None).unwrap();
    let mut client = new.client().await;
    let plan = client.plan_restore(&contents.people, &RestoreOptions::default()).await.unwrap();
    let restored = client.while_disabled(None, async |client| client.carry_out(&plan, |_| {}).await).await.unwrap();
    client.exit().await;
    assert_eq!(restored, Restored { users: 3_000, fingers: 6_000 });
    let held = |site: &Site| site.terminal.inspect(|terminal| (terminal.user_records().to_vec(), terminal.fingers()));
    assert!(held(&new) == held(&old));
}

#[tokio::test]
async fn a_file_that_was_changed_anywhere_is_refused_or_says_the_same() {
    let site = Site::start(Profile::default(), Transport::Tcp, full().records(20)).await;
    let (_dir, path) = place();
    write(site.snapshot().await, &path, &Lock::Open);
    let whole = fs::read(&path).unwrap();
    let contents = Contents::read(&path, &Key::None).unwrap();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(11) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x21;
        fs::write(&path, &bytes).unwrap();
        match Contents::read(&path, &Key::None) {
            // Padding between entries.
            Ok(read) => assert!(read == contents && whole[at] == 0, "{at}"),
            Err(FileError::Damaged { .. } | FileError::NotABackup { .. }) => refused += 1,
            Err(error) => panic!("{at}: {error:?}"),
        }
    }
    assert!(refused > 100, "{refused}");
    for cut in (0..whole.len() - 1024).step_by(97) {
        fs::write(&path, &whole[..cut]).unwrap();
        let error = Contents::read(&path, &Key::None).unwrap_err();
        assert!(matches!(error, FileError::Damaged { .. } | FileError::NotABackup { .. }), "{cut}: {error:?}");
    }
    for foreign in [&b""[..], b"PK\x03\x04 a zip", &[0; 4096]] {
        fs::write(&path, foreign).unwrap();
        assert!(matches!(Contents::read(&path, &Key::None), Err(FileError::NotABackup { .. })));
    }
}

#[tokio::test]
async fn only_its_key_opens_an_encrypted_file() {
    let site = Site::start(Profile::default(), Transport::Tcp, full().records(20)).await;
    let (dir, path) = place();
    let (mine, other) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    let key = |identity: &age::x25519::Identity| Key::Identities(identity.to_string().expose_secret().to_owned());
    let lock = Lock::Recipients(vec![mine.to_public().to_string()]);
    write(site.snapshot().await, &path, &lock);
    assert_eq!(Protection::of(&path).unwrap(), Protection::Recipients);
    let bytes = fs::read(&path).unwrap();
    let is_in = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(!is_in(b"users.bin") && !is_in(b"a photo") && !is_in(b"1001"), "nothing is readable");
    let contents = Contents::read(&path, &key(&mine)).unwrap();
    assert_eq!(contents.people, site.snapshot().await.people);
    assert!(matches!(Contents::read(&path, &key(&other)), Err(FileError::WrongKey { with: "key", .. })));
    assert!(matches!(Contents::read(&path, &Key::None), Err(FileError::NeedsIdentity { .. })));
    assert!(matches!(Contents::read(&path, &Key::Identities("no key".into())), Err(FileError::Key { .. })));
    let bad = Lock::Recipients(vec!["age1nonsense".into()]);
    assert!(bad.check().is_err() && Lock::Recipients(Vec::new()).check().is_err());
    assert!(matches!(
        site.snapshot().await.write(&dir.path().join("other"), &bad, SystemTime::now(), false),
        Err(FileError::Key { what: "recipient" })
    ));
    for at in (0..bytes.len()).step_by(997) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        Contents::read(&path, &key(&mine)).unwrap_err();
    }
    for cut in (0..bytes.len()).step_by(1999) {
        fs::write(&path, &bytes[..cut]).unwrap();
        Contents::read(&path, &key(&mine)).unwrap_err();
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left there");
}

#[tokio::test]
async fn a_passphrase_opens_a_file_and_another_does_not() {
    let site = Site::start(Profile::default(), Transport::Tcp, Terminal::builder().users(3)).await;
    let (_dir, path) = place();
    let passphrase = Passphrase::new("correct horse battery staple");
    assert!(!format!("{passphrase:?} {:?}", Key::Passphrase(passphrase.clone())).contains("horse"));
    write(site.snapshot().await, &path, &Lock::Passphrase(passphrase.clone()));
    assert_eq!(Protection::of(&path).unwrap(), Protection::Passphrase);
    assert_eq!(Contents::read(&path, &Key::Passphrase(passphrase)).unwrap().people.users.len(), 3);
    let wrong = Contents::read(&path, &Key::Passphrase(Passphrase::new("incorrect")));
    assert!(matches!(wrong, Err(FileError::WrongKey { with: "passphrase", .. })), "{wrong:?}");
    assert!(matches!(Contents::read(&path, &Key::None), Err(FileError::NeedsPassphrase { .. })));
}

#[tokio::test]
async fn a_log_without_proof_is_kept_as_it_came() {
    let fault = Fault::parse("cut-head-filled=5").unwrap();
    let site = Site::start(Profile::default(), Transport::Tcp, full().fault(fault)).await;
    let snapshot = site.snapshot().await;
    assert!(snapshot.is_unproven());
    let (_dir, path) = place();
    let manifest = write(snapshot, &path, &Lock::Open);
    let log = manifest.attendance.unwrap();
    assert!(!log.proven && log.layout.is_none());
    let entries = entries(&path);
    assert!(entries["attendance-unproven.bin"].len() > 4 && !entries.contains_key("attendance.csv"));
    assert_eq!(Contents::read(&path, &Key::None).unwrap().people.users.len(), 5);
}

#[tokio::test]
async fn a_file_that_is_there_is_replaced_only_when_told_to() {
    let site = Site::start(Profile::default(), Transport::Tcp, full()).await;
    let (dir, path) = place();
    fs::write(&path, "mine").unwrap();
    let there = site.snapshot().await.write(&path, &Lock::Open, SystemTime::now(), false);
    assert!(matches!(there, Err(FileError::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    site.snapshot().await.write(&path, &Lock::Open, SystemTime::now(), true).unwrap();
    assert_eq!(Contents::read(&path, &Key::None).unwrap().people.users.len(), 5);
    let nowhere = site.snapshot().await.write(&dir.path().join("no/such"), &Lock::Open, SystemTime::now(), false);
    assert!(matches!(nowhere, Err(FileError::Io { .. })));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
}

/// An archive with these entries, and sums that are right.
fn forged(path: &Path, entries: &BTreeMap<String, Vec<u8>>) {
    let mut tar = tar::Builder::new(fs::File::create(path).unwrap());
    let mut sums = String::new();
    for (name, bytes) in entries.iter().filter(|(name, _)| *name != "SHA256SUMS") {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
        sums += &format!("{}  {name}\n", hex::encode(Sha256::digest(bytes)));
    }
    let mut header = tar::Header::new_ustar();
    header.set_size(sums.len() as u64);
    tar.append_data(&mut header, "SHA256SUMS", sums.as_bytes()).unwrap();
    tar.finish().unwrap();
}

#[tokio::test]
async fn a_file_of_a_newer_version_or_with_another_entry_is_refused_by_name() {
    let site = Site::start(Profile::default(), Transport::Tcp, full()).await;
    let (_dir, path) = place();
    write(site.snapshot().await, &path, &Lock::Open);
    let whole = entries(&path);
    let mut newer = whole.clone();
    let manifest = String::from_utf8(whole["manifest.json"].clone()).unwrap();
    newer.insert("manifest.json".into(), manifest.replace("\"version\": 1", "\"version\": 2").into());
    forged(&path, &newer);
    assert!(matches!(Contents::read(&path, &Key::None), Err(FileError::Newer { version: 2, .. })));
    let mut more = whole.clone();
    more.insert("another.bin".into(), b"more".to_vec());
    forged(&path, &more);
    assert!(matches!(Contents::read(&path, &Key::None), Err(FileError::Damaged { .. })));
    let mut less = whole;
    less.remove("fingerprints.bin");
    forged(&path, &less);
    assert!(matches!(Contents::read(&path, &Key::None), Err(FileError::Damaged { .. })));
}

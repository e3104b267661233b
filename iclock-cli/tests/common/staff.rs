//! Terminals with people, for the commands that look at people or change them.

use zk_proto::Uid;
use zk_proto::record::FingerTemplate;
use zk_sim::{Fault, Person, Profile, Server, Terminal, TerminalBuilder};

/// A family, and the carrier by which it is reached.
pub(crate) type Way = (&'static str, &'static str);

/// Three families that take users, each over TCP and UDP.
pub(crate) const WAYS: [Way; 6] =
    [("tft40", "tcp"), ("tft40", "udp"), ("bw8", "tcp"), ("bw8", "udp"), ("tft16", "tcp"), ("tft16", "udp")];

/// Three people, two of them with a fingerprint.
pub(crate) fn staffed(profile: &str) -> TerminalBuilder {
    let person = |uid: u16, name: &str, privilege| Person {
        uid,
        user_id: (1000 + u32::from(uid)).to_string().into(),
        name: name.to_owned(),
        privilege,
    };
    let people = vec![person(1, "Ali", 0), person(2, "Eva", 14), person(3, "Zoe", 0)];
    empty(profile).seed(5).people(people).finger(finger(1, 6)).finger(finger(3, 0))
}

/// A terminal without anybody.
pub(crate) fn empty(profile: &str) -> TerminalBuilder {
    Terminal::builder().profile(Profile::named(profile).unwrap()).seed(6)
}

pub(crate) fn finger(uid: u16, finger: u8) -> FingerTemplate {
    let template = (0..600).map(|at: usize| (at * 7 + usize::from(uid) * 31 + usize::from(finger)) as u8).collect();
    FingerTemplate { uid: Uid(uid), finger, flag: 1, template }
}

pub(crate) fn fault(text: &str) -> Fault {
    Fault::parse(text).unwrap()
}

/// The users of a terminal as bytes, and its fingerprints.
pub(crate) fn held(server: &Server) -> (Vec<u8>, Vec<FingerTemplate>) {
    server.handle().inspect(|terminal| (terminal.user_records().to_vec(), terminal.fingers()))
}

/// The number of users of a terminal.
pub(crate) fn users(server: &Server) -> usize {
    server.handle().inspect(|terminal| terminal.users().len())
}

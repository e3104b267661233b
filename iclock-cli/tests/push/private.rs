//! What a terminal sends beyond punches is private: it is neither stored nor logged, however much is logged.

use crate::common::World;
use crate::serving::{Serving, request, until};

/// A part of everything that must be nowhere.
const PRIVATE: &str = "PR1VATE";

#[test]
fn nothing_private_that_a_terminal_sends_is_stored_or_logged() {
    let world = World::new();
    let (token, key) = (format!("{PRIVATE}-token-0000"), format!("{PRIVATE}key"));
    let pushing = "[[pushing]]\nserial = \"SN1\"\n[[pushing]]\nserial = \"SN2\"\n";
    let access = format!("[push]\ncapture = 64\ntoken = \"{token}\"\ncomm_key = \"{key}\"\n[log]\ndir = \"logs\"\n");
    world.write("iclock.toml", format!("state_dir = \"state\"\n{access}{pushing}[[sink]]\nurl = \"sqlite:att.db\"\n"));
    let serving = Serving::start(&world, &["-vvv"]);
    let send = |method: &str, target: &str, body: &str| {
        let answer = request(serving.address, &format!("{method} /t/{token}/iclock/{target}"), body).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{target}: {answer}");
    };
    send("GET", &format!("cdata?SN=SN1&options=all&pushcommkey={key}"), "");
    send("GET", &format!("cdata?SN=SN2&options=all&DeviceType=acc&pushcommkey={key}"), "");
    let user = format!("USER PIN=7\tName={PRIVATE}name\tPri=0\tPasswd={PRIVATE}word\tCard={PRIVATE}card\n");
    let finger = format!("FP PIN=7\tFID=1\tSize=12\tValid=1\tTMP={PRIVATE}finger\n");
    let picture = format!("USERPIC PIN=7\tFileName=7.jpg\tSize=9\tContent={PRIVATE}picture\n");
    send("POST", "cdata?SN=SN1&table=OPERLOG&OpStamp=1", &format!("{user}{finger}{picture}"));
    let face = format!("BIODATA Pin=7\tNo=0\tIndex=0\tValid=1\tDuress=0\tType=9\tTmp={PRIVATE}face\n");
    send("POST", "cdata?SN=SN1&table=BIODATA&Stamp=1", &face);
    let photo = format!("PIN=20260301080000-7.jpg\nSN=SN1\nsize=12\nCMD=uploadphoto\0{PRIVATE}photo");
    send("POST", "cdata?SN=SN1&table=ATTPHOTO&Stamp=1", &photo);
    send(
        "POST",
        "cdata?SN=SN1&table=NEWTABLE",
        &format!("NEWTABLE A=1\tPassword={PRIVATE}row\nNEWTABLE B={PRIVATE}{}\n", "x".repeat(600)),
    );
    send("POST", "cdata?SN=SN1&table=options", &format!("MAC=00:17:61:00:00:01,ComPwd={PRIVATE}password\n"));
    send("POST", "registry?SN=SN2", &format!("DeviceType=acc,authKey={PRIVATE}auth,VMSPasswd={PRIVATE}vms"));
    let person = format!("user uid=1\tcardno={PRIVATE}\tpin=7\tpassword={PRIVATE}word\tname={PRIVATE}name\n");
    send("POST", "cdata?SN=SN2&table=tabledata&tablename=user&count=1", &person);
    let template = format!("templatev10 size=7\tuid=1\tpin=7\tfingerid=1\tvalid=1\ttemplate={PRIVATE}\n");
    send("POST", "cdata?SN=SN2&table=tabledata&tablename=templatev10&count=1", &template);
    send("POST", "devicecmd?SN=SN1", &format!("ID=1&Return=0&CMD=INFO\nComPwd={PRIVATE}password\n"));
    // A punch shows that it stores at all.
    send("POST", "cdata?SN=SN1&table=ATTLOG&Stamp=1", "7\t2026-03-01 08:00:00\t0\t1\n");
    until("it is stored", || crate::stored(&world).len() == 1);
    assert_eq!(serving.ends("-TERM"), 0);
    // Captures are on, and have the shape of all of it.
    let captured = world.cli(&["push", "captures", "SN1"]).ended(0).stdout;
    for part in ["POST /iclock/cdata?SN=SN1&table=OPERLOG&OpStamp=1, ", "> USER PIN=7 | Name=(", "< OK: 3", "Tmp=("] {
        assert!(captured.contains(part), "{part}: {captured}");
    }
    assert_eq!(captured.matches(": 200\n").count(), 8, "{captured}");
    let mut looked = 0;
    for (path, content) in world.files().into_iter().filter(|(path, _)| !path.ends_with("iclock.toml")) {
        looked += 1;
        let found = content.windows(PRIVATE.len()).position(|bytes| bytes == PRIVATE.as_bytes());
        let around = found.map(|at| String::from_utf8_lossy(&content[at.saturating_sub(200)..at + 40]).into_owned());
        assert_eq!(around, None, "in {}", path.display());
    }
    assert!(looked >= 3, "the ledger, the sink and the log");
    let logs = world.files().into_iter().filter(|(path, _)| path.starts_with(world.path().join("logs")));
    let log: Vec<u8> = logs.flat_map(|(_, content)| content).collect();
    assert!(log.windows(3).any(|bytes| bytes == b"SN1"), "the log tells of the terminal");
}

//! `push show`: the last address of a terminal, and what it told of itself.

use serde_json::json;

use crate::common::{World, lines};
use crate::serving::{SERIAL, Serving, configure, request};

#[test]
fn a_terminal_is_shown_with_its_address_what_it_told_and_the_change_of_its_address() {
    let world = World::new();
    configure(&world, "[push]\nproxies = [\"127.0.0.1/32\"]\n");
    let shown = || lines(&world.cli(&["push", "show", SERIAL, "--json"]).ended(0).stdout).remove(0);
    let call = |serving: &Serving, target: &str, from: &str, body: &str| {
        let line = format!("POST /iclock/{target} HTTP/1.1\r\nX-Forwarded-For: {from}\r\nX-Rest:");
        let line = if body.is_empty() { line.replacen("POST", "GET", 1) } else { line };
        assert!(request(serving.address, &line, body).unwrap().starts_with("HTTP/1.1 200 "), "{target}");
    };
    let serving = Serving::start(&world, &[]);
    call(&serving, &format!("cdata?SN={SERIAL}&options=all&pushver=2.4.1&pushcommkey=k3y"), "192.0.2.7", "");
    let told = "~DeviceName=X903,~MaxUserCount=100,ComPwd=4711,UserCount=3";
    call(&serving, &format!("cdata?SN={SERIAL}&table=options"), "192.0.2.7", told);
    assert_eq!(serving.ends("-TERM"), 0);
    let status = lines(&world.cli(&["status", "--json"]).ended(0).stdout).remove(0);
    assert_eq!(status["attention"][0]["try"], format!("iclock-cli push show {SERIAL}"), "{status}");
    let first = shown();
    assert_eq!((&first["state"], &first["name"]), (&json!("configured"), &json!("branch")));
    assert_eq!((&first["address"], &first["moved_from"]), (&json!("192.0.2.7"), &json!(null)));
    assert_eq!(first["facts"], json!({"DeviceName": "X903", "MaxUserCount": "100", "pushver": "2.4.1"}));

    let serving = Serving::start(&world, &[]);
    call(&serving, &format!("getrequest?SN={SERIAL}&INFO=Ver%208,1,2,3,192.0.2.8,10,,,,011"), "192.0.2.8", "");
    // The status has terminals of which there are punches.
    call(&serving, &format!("cdata?SN={SERIAL}&table=ATTLOG"), "192.0.2.8", "7\t2026-03-01 08:00:00\t0\t1\n");
    crate::serving::until("it is named", || {
        serving.said().contains("terminal branch calls from 192.0.2.8 now, and called from 192.0.2.7 before")
    });
    assert_eq!(serving.ends("-TERM"), 0);
    let then = shown();
    assert_eq!((&then["address"], &then["moved_from"]), (&json!("192.0.2.8"), &json!("192.0.2.7")));
    assert_eq!((&then["facts"]["FWVersion"], &then["facts"]["functions"]), (&json!("Ver 8"), &json!("011")));
    let status = lines(&world.cli(&["status", "--json"]).ended(0).stdout).remove(0);
    assert_eq!(status["terminals"][0]["address"], "192.0.2.8", "{status}");
}

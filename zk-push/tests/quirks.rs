//! The quirks of real terminals that the codec and the conversation have to bear, by the numbers of the notes on the
//! wire. Each name says what a terminal does.

use bytes::Bytes;
use zk_push::chrono::{DateTime, Utc};
use zk_push::command::{self, Command, CommandId, CommandResult, Numbered, Outcome, ReturnCode, Verb};
use zk_push::record::{AccessEvent, VerifyStyle};
use zk_push::request::{Endpoint, Head, Query, Request};
use zk_push::settings::{Registration, Settings};
use zk_push::terminal::{Accept, Content, Manner, Step, Terminal, refuse};
use zk_push::text::Fallback;
use zk_push::{Dialect, Reply, SerialNumber};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_783_061_581, 0).unwrap()
}

fn terminal() -> Terminal {
    let registration = Registration::new("Uy47fxftP3", "S1").unwrap();
    Terminal::new(SerialNumber::new("A1").unwrap()).with_registration(registration, false)
}

fn step(method: &str, target: &str, body: impl Into<Bytes>) -> Step {
    let request = Request { head: Head::parse(method, target).unwrap(), body: body.into() };
    terminal().handle_request(now(), request)
}

fn accept(target: &str, body: impl Into<Bytes>) -> Accept {
    match step("POST", target, body) {
        Step::Accept(accept) => *accept,
        other => panic!("{other:?}"),
    }
}

fn reply(method: &str, target: &str, body: impl Into<Bytes>) -> Reply {
    match step(method, target, body) {
        Step::Reply(reply) => reply,
        Step::Accept(accept) => accept.stored(),
        Step::Poll(poll) => poll.idle(),
    }
}

const PUNCH: &str = "5\t2026-03-01 09:00:00\t0\t1\t0\t0\t0\n";

#[test]
fn q1_a_bare_ok_makes_it_send_everything_again() {
    let batch = PUNCH.repeat(128);
    assert_eq!(reply("POST", "/iclock/cdata?SN=A1&table=ATTLOG&Stamp=9999", batch), Reply::count(128));
}

#[test]
fn q3_q46_it_calls_with_aspx_and_with_a_doubled_prefix() {
    for target in ["/iclock/getrequest.aspx?SN=A1", "/iclock/iclock/getrequest?SN=A1"] {
        assert_eq!(reply("GET", target, ""), Reply::ok(), "{target}");
    }
}

#[test]
fn q4_it_sends_data_without_a_handshake() {
    assert_eq!(reply("POST", "/iclock/cdata?SN=A1&table=ATTLOG", PUNCH).body, "OK: 1");
}

#[test]
fn q6_q7_q8_it_ends_lines_with_a_tab_chooses_no_state_and_sends_an_empty_work_code() {
    let accept = accept("/iclock/cdata?SN=A1&table=ATTLOG", "5\t2026-03-01 09:00:00\t255\t1\t\t0\t0\t0\t0\t0\t\n");
    let record = accept.batch().content.upload().unwrap().records().next().unwrap().record.unwrap();
    let record = record.attendance().unwrap();
    assert_eq!((record.state, &record.work_code, record.extra.len()), (Some(255), &None, 0));
    assert_eq!(accept.stored().body, "OK: 1");
}

#[test]
fn q9_it_names_its_stamp_as_it_likes() {
    for (name, value) in [("Stamp", "9999"), ("OpStamp", "2011-04-05T17:40:20"), ("stamp", "None")] {
        let accept =
            accept(&format!("/iclock/cdata?SN=A1&table=operlog&{name}={value}"), "OPLOG 4\t0\t2026-07-30 10:22:34\t0");
        let (table, stamp) = accept.batch().stamp.clone().unwrap();
        assert_eq!((table.as_str(), stamp), ("OPERLOG", value.into()));
        let _ = accept.stored();
        let mut next = terminal().with_stamp(&table, value);
        let handshake =
            Request { head: Head::parse("GET", "/iclock/cdata?SN=A1&options=all").unwrap(), body: Bytes::new() };
        let Step::Reply(reply) = next.handle_request(now(), handshake) else { panic!("a handshake") };
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        assert!(body.contains(&format!("\nOPERLOGStamp={value}\n")), "{body}");
    }
}

#[test]
fn q10_it_floods_the_server_with_empty_bodies() {
    let Step::Reply(reply) = step("POST", "/iclock/cdata?SN=A1&table=OPERLOG&Stamp=9999", "") else { panic!("stored") };
    assert_eq!(reply, Reply::count(0));
}

#[test]
fn q11_it_sends_keys_that_nobody_knows() {
    let accept = accept("/iclock/cdata?SN=A1&table=OPERLOG", "USER PIN=2\tName=A\tBrandNew=7\n");
    let record = accept.batch().content.upload().unwrap().records().next().unwrap().record.unwrap();
    assert_eq!(record.keyed().unwrap().fields.get("BrandNew"), Some(&"7".into()));
    let _ = accept.stored();
}

#[test]
fn q12_its_parameters_have_empty_values_and_blanks() {
    let accept = accept("/iclock/cdata?SN=A1&table=options", "~MaxPvCount=, MAC=00:17 ,~Os=Linux,");
    let Content::Parameters(parameters) = &accept.batch().content else { panic!("parameters") };
    assert_eq!((parameters.get("MaxPvCount"), parameters.get("Os")), (Some(&"".into()), Some(&"Linux".into())));
    assert_eq!(accept.stored(), Reply::ok());
}

#[test]
fn q13_q14_it_sends_several_results_at_once_and_the_output_of_a_command_as_it_is() {
    let several = accept("/iclock/devicecmd?SN=A1", "ID=1&Return=0&CMD=DATA\nID=2&Return=0&CMD=DATA\n");
    let Content::Results(results) = &several.batch().content else { panic!("results") };
    assert_eq!(results.len(), 2);
    let _ = several.stored();
    let output = "ID=3\nReturn=0\nCMD=Shell\nContent=ID=4&Return=0&CMD=DATA\n";
    let results = CommandResult::read(&output.into(), &Query::default());
    assert_eq!((results.len(), results[0].record.as_ref().unwrap().id.to_string()), (1, "3".into()));
}

#[test]
fn q15_q24_the_answer_to_a_query_comes_as_an_upload_with_the_commands_number() {
    let target = "/iclock/querydata?SN=A1&type=tabledata&cmdid=415&tablename=user&count=1&packcnt=2&packidx=1";
    let accept = accept(target, "user uid=1\tpin=1\n");
    let Content::Answer(packet, _) = &accept.batch().content else { panic!("an answer") };
    assert_eq!((packet.command.clone(), packet.is_last()), (Some("415".into()), false));
    assert_eq!(accept.stored().body, "user=1");
}

#[test]
fn q16_q22_it_refuses_short_forms_and_the_other_dialects_tables() {
    assert_eq!(Command::new("USER ADD PIN=1").unwrap().verb(), Verb::Other);
    assert_eq!(ReturnCode::of(Dialect::Attendance, -1004).name, "config_mismatch");
    assert_eq!(ReturnCode::of(Dialect::Access, -629).name, "wrong_table_name");
}

#[test]
fn q17_it_ignores_a_command_without_its_number() {
    let numbered = Numbered { id: CommandId::new(1).unwrap(), command: Command::info() };
    assert_eq!(command::write(&[numbered], None).body, "C:1:INFO\n");
    assert_eq!(command::read(&"INFO\n".into()).count(), 0);
}

#[test]
fn q20_it_deletes_all_users_for_an_unknown_key() {
    assert!(Command::new("DATA DELETE user uid=1").is_err());
}

#[test]
fn q23_it_stops_paging_unless_it_is_answered_ok() {
    let mut settings = Settings::default();
    settings.bare_query_answers = true;
    let head = Head::parse("POST", "/iclock/querydata?SN=A1&type=tabledata&tablename=transaction&packidx=1").unwrap();
    let request = Request { head, body: "transaction pin=1\ttime_second=857920849".into() };
    let Step::Accept(accept) = terminal().with_settings(settings).handle_request(now(), request) else {
        panic!("an answer")
    };
    assert_eq!(accept.stored(), Reply::ok());
}

#[test]
fn q25_its_verify_mode_is_a_string_of_bits() {
    assert_eq!(VerifyStyle::parse(&"10".into()), None);
    assert!(VerifyStyle::parse(&"0000000000000010".into()).is_some());
}

#[test]
fn q26_it_logs_events_of_nobody() {
    let accept = accept("/iclock/cdata?SN=A1&table=rtlog", "time=2026-09-28 11:45:56\tpin=0\tevent=206\tindex=1\n");
    let record = accept.batch().content.upload().unwrap().records().next().unwrap().record.unwrap();
    assert!(!AccessEvent::read(record.keyed().unwrap()).unwrap().is_attendance());
    assert_eq!(accept.stored(), Reply::ok());
}

#[test]
fn q31_its_type_is_a_word_of_marketing() {
    let head = Head::parse("GET", "/iclock/cdata?SN=A1&options=all&DeviceType=middle%20east").unwrap();
    assert_eq!(Dialect::evidence(&head), Some(Dialect::Attendance));
}

#[test]
fn q36_its_names_contain_nul() {
    let accept = accept("/iclock/cdata?SN=A1&table=OPERLOG", "USER PIN=2\tName=A\0B\nUSER PIN=3\tName=C\n");
    let records: Vec<_> = accept.batch().content.upload().unwrap().records().map(|line| line.record.unwrap()).collect();
    let name = records[0].keyed().unwrap().fields.get("Name").unwrap();
    assert_eq!((records.len(), name.decode(Fallback::Latin1).0), (2, "A\u{FFFD}B".into()));
    assert_eq!(accept.stored().body, "OK: 2");
}

#[test]
fn q38_it_polls_service_control() {
    assert!(matches!(step("GET", "/iclock/service/control?SN=A1", ""), Step::Poll(_)));
    let accept = accept("/iclock/service/control?SN=A1", "ID=1&Return=0&CMD=CHECK");
    assert!(matches!(accept.batch().content, Content::Results(_)));
    assert_eq!(accept.stored(), Reply::ok());
}

#[test]
fn q40_it_writes_records_without_a_line_end() {
    let glued = "OPLOG 4\t14\t2026-07-30 10:22:34\t0\t0\t0\t0OPLOG 5\t14\t2026-07-30 10:22:35\t0\t0\t0\t0";
    let accept = accept("/iclock/cdata?SN=A1&table=OPERLOG", glued);
    assert!(accept.batch().bad_lines().next().is_none());
    assert_eq!(accept.stored().body, "OK: 2");
}

#[test]
fn q42_it_uses_a_table_that_nobody_knows() {
    let accept = accept("/iclock/cdata?SN=A1&table=NEWTABLE&Stamp=1", "NEWTABLE A=1\tB=2\n");
    assert_eq!(accept.batch().bad_lines().count(), 1);
    assert_eq!(accept.stored().body, "OK: 1");
}

#[test]
fn q44_it_registers_again_until_it_gets_a_code() {
    let reply = reply("POST", "/iclock/registry?SN=A1", "DeviceType=acc,~DeviceName=X");
    assert_eq!(reply.body, "RegistryCode=Uy47fxftP3");
    let head = Head::parse("POST", "/iclock/registry?SN=A1").unwrap();
    assert_eq!(refuse(&head, Manner::KeepCalling).status, 406);
}

#[test]
fn q45_a_bare_ok_to_tabledata_makes_it_send_the_same_record_forever() {
    let target = "/iclock/cdata?SN=A1&table=tabledata&tablename=User&count=1";
    assert_eq!(reply("POST", target, "user uid=1\tpin=1\n").body, "User=1");
}

#[test]
fn q48_its_first_events_carry_the_clock_of_a_year_ago() {
    let accept = accept("/iclock/cdata?SN=A1&table=rtlog", "time=2000-01-01 00:00:07\tpin=7\tevent=0\tindex=2\n");
    assert!(accept.batch().bad_lines().next().is_none());
    let _ = accept.stored();
}

#[test]
fn an_upload_that_is_encrypted_is_not_acknowledged() {
    let noise: Vec<u8> = (0..512u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let Step::Reply(reply) = step("POST", "/iclock/cdata?SN=A1&table=ATTLOG", noise) else { panic!("stored") };
    assert_eq!(reply.status, 500);
}

#[test]
fn a_person_at_a_door_is_denied() {
    let accept = accept("/iclock/cdata?SN=A1&AuthType=device", "time=2026-01-10 11:49:32\tpin=7\r\n");
    assert!(matches!(accept.batch().content, Content::Authorization(_)));
    assert_eq!(accept.stored().body, "AUTH=FAILED\r\ntime=2026-01-10 11:49:32\tpin=7\r\n");
}

#[test]
fn everything_that_uploads_is_refused_to_a_terminal_that_is_not_admitted() {
    for target in
        ["cdata?SN=A1&table=ATTLOG", "fdata?SN=A1", "querydata?SN=A1", "devicecmd?SN=A1", "new?SN=A1", "registry?SN=A1"]
    {
        let head = Head::parse("POST", &format!("/iclock/{target}")).unwrap();
        for manner in [Manner::KeepCalling, Manner::Deny] {
            assert!(refuse(&head, manner).status >= 400, "{target}");
        }
    }
    let poll = Head::parse("GET", "/iclock/getrequest?SN=A1").unwrap();
    assert_eq!(poll.endpoint, Endpoint::GetRequest);
    assert_eq!((refuse(&poll, Manner::KeepCalling), refuse(&poll, Manner::Deny).status), (Reply::ok(), 403));
}

#[test]
fn a_pinned_dialect_does_not_change() {
    let head = Head::parse("GET", "/iclock/cdata?SN=A1&options=all&DeviceType=acc").unwrap();
    let request = Request { head, body: Bytes::new() };
    let mut pinned = terminal().pinned(Dialect::Attendance);
    let _ = pinned.handle_request(now(), request.clone());
    assert_eq!(pinned.dialect(), Some(Dialect::Attendance));
    let mut free = terminal().with_dialect(Dialect::Attendance);
    let _ = free.handle_request(now(), request);
    assert_eq!(free.dialect(), Some(Dialect::Access));
}

#[test]
fn a_positive_code_of_an_enrolment_is_a_failure() {
    assert_eq!(Outcome::of(Dialect::Attendance, Verb::Enroll, 4), Outcome::Failed);
}

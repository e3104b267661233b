//! A request and its answer as text that may be kept: the shape of everything, and the value of little.
//!
//! A key, a tag or a value is shown if it is known to be harmless. Of everything else the text has the size: names,
//! passwords, cards, templates, photos, and what no document names.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::Reply;
use crate::request::{Endpoint, Head, Method};

/// The longest text of a body, in bytes. What follows is counted.
const LONGEST: usize = 4 << 10;
/// The most fields of a line that are shown.
const MOST_FIELDS: usize = 64;
/// The longest value that is shown, in bytes.
const LONGEST_VALUE: usize = 96;
/// The longest key or column that is shown, in bytes.
const LONGEST_KEY: usize = 32;

/// Keys whose values are shown, in lower case, without `~`. See [`is_harmless`] for those with a common end.
const HARMLESS: &str = " authtype auth cmd cmdfmt cmdformat cmdid commtype contenttype count datafmt delay devicename \
    devicetype doorid duress encrypt endtime errordelay event eventaddr eventtype fid fingerid firmver format id index \
    info inoutstate inoutstatus ipaddress language mac machinetype major_ver minor_ver maxpackagesize no options \
    packcnt packidx pin platform pushoptionsflag realtime records registry requestdelay return serverver servername \
    size sn starttime table tablename time time_second timeoutsec timezone transflag transinterval transtables \
    transtimes type uid valid verified verifytype ";
/// Tags in front of the first key, and the words of commands.
const TAGS: &str = " oplog user fp face fvein userpic biodata biophoto idcard errorlog transaction templatev10 \
    userauthorize mulcarduser rtlog rtstate data update delete query count userinfo fingertmp attlog attphoto set \
    option options get from check log info reboot control device ac_unlock ac_unalarm clear photo enroll_fp enroll_mf \
    enroll_bio reload verify sum shell getfile putfile upgrade uploadphoto realupload ";

/// A request and its answer.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Exchange<'a> {
    /// The request without its body.
    pub head: &'a Head,
    /// The body; empty if it was not read.
    pub body: &'a Bytes,
    /// The answer.
    pub reply: &'a Reply,
}

impl<'a> Exchange<'a> {
    /// Puts a request and its answer together.
    #[must_use]
    pub fn new(head: &'a Head, body: &'a Bytes, reply: &'a Reply) -> Self {
        Self { head, body, reply }
    }

    /// The method and the target, without what precedes `iclock`: that may be a secret.
    #[must_use]
    pub fn line(&self) -> String {
        let method = match self.head.method {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Other => "?",
        };
        let endpoint = match &self.head.endpoint {
            Endpoint::Other(path) => size(path.len()),
            known => known.to_string(),
        };
        let mut line = format!("{method} /iclock/{endpoint}");
        for (at, parameter) in self.head.query.iter().enumerate() {
            line.push(if at == 0 { '?' } else { '&' });
            let field = [parameter.name.as_bytes(), b"=", parameter.value.as_bytes()].concat();
            line.push_str(&self::field(&field));
        }
        line
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> String {
        let is_log = self.head.query.get("table").is_some_and(|table| table.is("ATTLOG"));
        shown(self.body, is_log, self.separator())
    }

    /// The answer's body.
    #[must_use]
    pub fn answer(&self) -> String {
        let text = self.reply.body.as_ref();
        let is_count = |name: &[u8]| text.strip_prefix(name).is_some_and(|count| count.iter().all(u8::is_ascii_digit));
        // The terminal has written the name itself.
        let table = self.head.query.get("tablename").map(|name| [name.as_bytes(), b"="].concat());
        let is_known = self.reply.status != 200
            || text == b"OK"
            || is_count(b"OK: ")
            || table.is_some_and(|table| table.len() <= LONGEST_KEY && is_count(&table));
        match std::str::from_utf8(text) {
            Ok(text) if is_known => text.to_owned(),
            _ => shown(&self.reply.body, false, b'\t'),
        }
    }

    /// The byte between the fields of a line that has no tab.
    fn separator(&self) -> u8 {
        if matches!(self.head.endpoint, Endpoint::DeviceCommand | Endpoint::ServiceControl) { b'&' } else { b',' }
    }
}

/// Shows each line, up to the first byte of what is no text.
fn shown(body: &[u8], is_log: bool, separator: u8) -> String {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    let (text, data) = body.split_at(end);
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        if out.len() > LONGEST {
            let _ = writeln!(out, "{} more", size(rest.len()));
            break;
        }
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let (whole, after) = rest.split_at(length);
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        out.push_str(&self::line(line, is_log, separator));
        out.push('\n');
        rest = after;
    }
    if !data.is_empty() {
        out.push_str(&size(data.len()));
    }
    out
}

fn line(line: &[u8], is_log: bool, separator: u8) -> String {
    if let Some(serial) = line.strip_prefix(b"GET OPTION FROM: ") {
        return format!("GET OPTION FROM: {}", plain(serial, LONGEST_KEY));
    }
    // `C:12:` in front of a command.
    let number = line.strip_prefix(b"C:").map(|rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count() + 3);
    let (number, line) = number.and_then(|at| line.split_at_checked(at)).unwrap_or((b"", line));
    let mut out = String::from_utf8_lossy(number).into_owned();
    if is_log && !line.contains(&b'=') {
        let mut columns = line.splitn(MOST_FIELDS, |byte| *byte == b'\t');
        out.push_str(&columns.next().map(|id| plain(id, LONGEST_KEY)).unwrap_or_default());
        columns.for_each(|column| out.push_str(&format!("\t{}", numeric(column))));
        return out;
    }
    let separator = if line.contains(&b'\t') { b'\t' } else { separator };
    let mut after_field = false;
    for (at, piece) in line.splitn(MOST_FIELDS, |byte| *byte == separator).enumerate() {
        if at > 0 {
            out.push(char::from(separator));
        }
        let rest = if at == 0 { tagged(piece, &mut out) } else { piece };
        let is_field = rest.contains(&b'=');
        // It may be the end of a value that contains the separator.
        out.push_str(&if after_field && !is_field { size(rest.len()) } else { field(rest) });
        after_field |= is_field;
    }
    out
}

/// Writes the known words in front of the first field, and returns what follows them.
fn tagged<'a>(piece: &'a [u8], out: &mut String) -> &'a [u8] {
    let mut rest = piece;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b' ' | b'=')).unwrap_or(rest.len());
        let Some((word, after)) = rest.split_at_checked(end) else { return rest };
        if after.first() == Some(&b'=') || !is_in(TAGS, word) {
            return rest;
        }
        out.push_str(&plain(word, LONGEST_KEY));
        let Some((_, after)) = after.split_first() else { return after };
        out.push(' ');
        rest = after;
    }
}

/// A field. A key that no document names is shown too, unless it may be the end of a template.
fn field(piece: &[u8]) -> String {
    let Some(at) = piece.iter().position(|byte| *byte == b'=') else { return numeric(piece) };
    let (key, value) = (piece.get(..at).unwrap_or_default(), piece.get(at + 1..).unwrap_or_default());
    let name = key.strip_prefix(b"~").unwrap_or(key);
    if is_harmless(name) {
        // Some firmware repeats the whole command here.
        let value = if name.eq_ignore_ascii_case(b"cmd") { word(value) } else { plain(value, LONGEST_VALUE) };
        return format!("{}={value}", plain(key, LONGEST_KEY));
    }
    let may_be_data = value.is_empty() || value.first() == Some(&b'=');
    if may_be_data { size(piece.len()) } else { format!("{}={}", plain(key, LONGEST_KEY), size(value.len())) }
}

fn is_harmless(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = [&b"stamp"[..], b"version", b"pushver", b"protver", b"count", b"funon", b"fun", b"support"];
    is_in(HARMLESS, &name) || (name.len() <= LONGEST_KEY && ends.iter().any(|end| name.ends_with(end)))
}

fn is_in(list: &str, word: &[u8]) -> bool {
    let known = |known: &str| known.as_bytes().eq_ignore_ascii_case(word);
    list.split_ascii_whitespace().any(known)
}

fn word(value: &[u8]) -> String {
    let (word, rest) = value.split_at(value.iter().position(|byte| *byte == b' ').unwrap_or(value.len()));
    if !is_in(TAGS, word) {
        return size(value.len());
    }
    let rest = if rest.is_empty() { String::new() } else { size(rest.len()) };
    format!("{}{rest}", plain(word, LONGEST_KEY))
}

/// A text without control characters that is not too long; else its size.
fn plain(text: &[u8], most: usize) -> String {
    match std::str::from_utf8(text) {
        Ok(text) if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => text.to_owned(),
        _ => size(text.len()),
    }
}

/// A number or a time; else its size.
fn numeric(text: &[u8]) -> String {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b" :-/T.*".contains(byte);
    if text.len() <= LONGEST_KEY && text.iter().all(is_part) { plain(text, LONGEST_KEY) } else { size(text.len()) }
}

fn size(bytes: usize) -> String {
    format!("({bytes} bytes)")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange as it may be kept: line, body and answer.
    fn kept(line: &str, body: &[u8], answer: &'static str) -> [String; 3] {
        let (method, target) = line.split_once(' ').unwrap();
        let head = Head::parse(method, target).unwrap();
        let (body, reply) = (Bytes::copy_from_slice(body), Reply::text(answer));
        let exchange = Exchange::new(&head, &body, &reply);
        [exchange.line(), exchange.body(), exchange.answer()]
    }

    #[test]
    fn punches_stamps_and_counts_are_kept_as_they_are() {
        let rows = b"7\t2026-03-01 08:00:00\t0\t1\t\t0\nA-8\t2026-03-01 08:00:01\t255\t15\tlunch\n";
        let [line, body, answer] = kept("POST /t/s3cret/iclock/cdata?SN=A1&table=ATTLOG&Stamp=9999", rows, "OK: 2");
        assert_eq!(line, "POST /iclock/cdata?SN=A1&table=ATTLOG&Stamp=9999");
        assert_eq!(body, "7\t2026-03-01 08:00:00\t0\t1\t\t0\nA-8\t2026-03-01 08:00:01\t255\t15\t(5 bytes)\n");
        assert_eq!(answer, "OK: 2");
    }

    #[test]
    fn of_people_only_their_numbers_are_kept() {
        let rows =
            b"USER PIN=7\tName=Ann Example\tPri=0\tPasswd=1234\tCard=99887766\nOPLOG 4\t0\t2026-03-01 08:00:00\n";
        let [_, body, _] = kept("POST /iclock/cdata?SN=A1&table=OPERLOG", rows, "OK: 2");
        let user = "USER PIN=7\tName=(11 bytes)\tPri=(1 bytes)\tPasswd=(4 bytes)\tCard=(8 bytes)";
        assert_eq!(body, format!("{user}\nOPLOG 4\t0\t2026-03-01 08:00:00\n"));
        // A template that a line end has cut, and a key that nobody knows.
        let [_, body, _] =
            kept("POST /iclock/cdata?SN=A1&table=OPERLOG", b"FP PIN=7\tTMP=AAEC\nAwQFBg==\nNew=x\n", "OK");
        assert_eq!(body, "FP PIN=7\tTMP=(4 bytes)\n(8 bytes)\nNew=(1 bytes)\n");
    }

    #[test]
    fn a_photo_is_its_head_and_its_size() {
        let photo = b"PIN=20260301080000-7.jpg\nSN=A1\nsize=4\nCMD=uploadphoto\0\xff\xd8ab";
        let [_, body, _] = kept("POST /iclock/cdata?SN=A1&table=ATTPHOTO", photo, "OK");
        assert_eq!(body, "PIN=20260301080000-7.jpg\nSN=A1\nsize=4\nCMD=uploadphoto\n(5 bytes)");
    }

    #[test]
    fn the_registration_and_its_answer_have_no_secret() {
        let parameters = b"DeviceType=acc,~DeviceName=X1,FirmVer=Ver 8,authKey=k3y,ComPwd=47,11,IPAddress=192.0.2.7,a";
        let [line, body, answer] = kept(
            "POST /iclock/registry?SN=A1&pushcommkey=88888888",
            parameters,
            "RegistryCode=0123456789abcdef\nRealtime=1\nSessionID=fedcba\n",
        );
        assert_eq!(line, "POST /iclock/registry?SN=A1&pushcommkey=(8 bytes)");
        let [kept, hidden] =
            ["DeviceType=acc,~DeviceName=X1,FirmVer=Ver 8", "authKey=(3 bytes),ComPwd=(2 bytes),(2 bytes)"];
        assert_eq!(body, format!("{kept},{hidden},IPAddress=192.0.2.7,(1 bytes)\n"));
        assert_eq!(answer, "RegistryCode=(16 bytes)\nRealtime=1\nSessionID=(6 bytes)\n");
    }

    #[test]
    fn a_command_is_its_words_and_numbers() {
        let answer = "C:12:DATA UPDATE USERINFO PIN=7\tName=Ann\tPasswd=1234\nC:13:SET OPTION ComPwd=4711\n\
                      C:14:SHELL rm x\nC:15:REBOOT\nC:16:CONTROL DEVICE 01010105\n";
        let [_, _, answer] = kept("GET /iclock/getrequest?SN=A1", b"", answer);
        let expected = "C:12:DATA UPDATE USERINFO PIN=7\tName=(3 bytes)\tPasswd=(4 bytes)\n\
                        C:13:SET OPTION ComPwd=(4 bytes)\nC:14:SHELL (4 bytes)\nC:15:REBOOT\n\
                        C:16:CONTROL DEVICE 01010105\n";
        assert_eq!(answer, expected);
        let result = b"ID=12&Return=0&CMD=DATA UPDATE USERINFO PIN=7\tPasswd=1234\nComPwd=4711\n";
        let [_, body, _] = kept("POST /iclock/devicecmd?SN=A1", result, "OK");
        assert!(!body.contains("1234") && !body.contains("4711"), "{body}");
        let [_, body, _] = kept("POST /iclock/devicecmd?SN=A1", b"ID=12&Return=-2&CMD=DATA", "OK");
        assert_eq!(body, "ID=12&Return=-2&CMD=DATA\n");
    }

    #[test]
    fn a_long_body_is_cut_and_no_bytes_make_it_fail() {
        let rows = "7\t2026-03-01 08:00:00\t0\t1\n".repeat(1_000);
        let [_, body, _] = kept("POST /iclock/cdata?SN=A1&table=ATTLOG", rows.as_bytes(), "OK: 1000");
        assert!(body.len() < LONGEST + 100 && body.ends_with(" bytes) more\n"), "{}", body.len());
        for wide in ["\t7", "\tNo=7"].map(|field| field.repeat(100_000)) {
            let [_, body, _] = kept("POST /iclock/cdata?SN=A1&table=ATTLOG", wide.as_bytes(), "OK: 1");
            assert!(body.len() < LONGEST, "{}", body.len());
        }
        for odd in [&b"\xff=\xfe\t=\x01\n\n=\n"[..], b"C:", b"C:9", b"C:9:", b"=", b"USER ", b"\0"] {
            let [_, body, _] = kept("POST /iclock/devicecmd?SN=A1", odd, "OK");
            assert!(body.chars().all(|letter| !letter.is_control() || "\t\n".contains(letter)), "{body:?}");
        }
    }
}

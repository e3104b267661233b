//! Transcripts: what is read is written the same again, and whatever is said and heard is written at its time and
//! length.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use zk_proto::transcript::{HEADER, Scribe, Transcript, What};

fuzz_target!(|input: (bool, u8, &[u8])| {
    let (datagrams, step, data) = input;
    if let Ok(read) = Transcript::parse(&String::from_utf8_lossy(data)) {
        let text = read.lines().iter().fold(HEADER.to_owned(), |text, line| format!("{text}\n{line}"));
        assert_eq!(Transcript::parse(&text).unwrap().lines(), read.lines());
    }

    let mut scribe = Scribe::new([]);
    scribe.open(Duration::ZERO, datagrams);
    let mut received = Vec::new();
    // Pieces that split frames anywhere, or datagrams; every third one goes out.
    for (number, piece) in data.chunks(usize::from(step).max(1) * 3).enumerate() {
        let at = Duration::from_micros(number as u64);
        if number % 3 == 0 {
            scribe.sent(at, piece);
        } else {
            scribe.received(at, piece);
            received.push((at, piece.len()));
        }
        if number % 97 == 96 {
            scribe.closed(at);
            scribe.open(at, !datagrams);
        }
    }
    scribe.finish();
    let transcript = Transcript::parse(&scribe.take()).unwrap();
    let written = transcript.lines().iter().filter_map(|line| match &line.what {
        What::Received(bytes) => Some((line.at, bytes.len())),
        _ => None,
    });
    assert!(written.eq(received));
});

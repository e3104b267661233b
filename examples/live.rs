//! Who punches right now, and who did while nobody listened? `live HOST [PORT]`, until it is interrupted.

use std::error::Error;

use examples::local_now;
use zk_proto::client::{LiveCapture, LiveItem, LiveOptions, PullRequest, Pulled, pull};
use zk_proto::proof::Known;
use zk_proto::record::LiveEvent;
use zk_proto::{Client, ConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let host = args.next().ok_or("usage: live HOST [PORT]")?;
    let mut options = ConnectOptions::new(host);
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }

    let mut capture = LiveCapture::new(options, LiveOptions::default());
    // Where the log ended when it was last read: a program that stops keeps this.
    let mut known = None;
    loop {
        match capture.next().await? {
            LiveItem::Event(LiveEvent::Punch(punch)) => match punch.time {
                Some(time) => println!("{time}  {:?}", punch.who),
                None => println!("at a time that does not exist  {:?}", punch.who),
            },
            LiveItem::Event(other) => println!("{other:?}"),
            LiveItem::Lost { why } => eprintln!("not heard any more: {why}"),
            LiveItem::Gap(gap) => {
                if let (Some(from), Some(to)) = (gap.from, gap.to) {
                    println!("nobody listened from {from} to {to}; the log says:");
                }
                // The session that listens also pulls: many terminals have only one.
                if let Some(client) = capture.client() {
                    known = missed(client, known).await?;
                }
            }
            _ => {}
        }
    }
}

/// Prints what the log has after its known end, and says where it ends now.
async fn missed(client: &mut Client, known: Option<Known>) -> Result<Option<Known>, Box<dyn Error>> {
    let first = known.is_none();
    let request = PullRequest::new(local_now()).known(known);
    let pulled = pull(client, &request, &mut |_| ()).await?;
    match pulled.found {
        Pulled::Full(proven) if first => println!("the log has {} records", proven.records()),
        Pulled::Full(mut proven) | Pulled::Tail(mut proven) => {
            while let [first, rest @ ..] = &proven.next_batch(1000)?[..] {
                for record in std::iter::once(first).chain(rest) {
                    println!("{}  {:?}", record.time, record.who);
                }
            }
        }
        Pulled::Unproven { readings, .. } => eprintln!("the log is not proven: {readings:?}"),
        _ => {}
    }
    Ok(pulled.known.or(request.known))
}

//! Records a session with a remote terminal and replays it elsewhere. `record HOST [PORT]` there, `record FILE` here.
//!
//! The first writes `HOST.zkt`, which holds no keys, passwords, card numbers and templates, but who punched when. The
//! second does the same without the terminal and ends the same way.

use std::error::Error;

use examples::local_now;
use zk_proto::client::{PullRequest, Recorder, pull};
use zk_proto::transcript::Transcript;
use zk_proto::{Client, ConnectOptions, DeviceTime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let host = args.next().ok_or("usage: record HOST [PORT], or record FILE")?;
    if let Some(recorded) = host.strip_suffix(".zkt") {
        let transcript = Transcript::parse(&std::fs::read_to_string(&host)?)?;
        // The log is held against the day on which it was read, so that is a part of what was asked.
        let day = transcript.notes().iter().find_map(|note| note.strip_prefix("read at ")?.parse().ok());
        println!("replaying what {recorded} said");
        return look(&ConnectOptions::replay(&transcript), day.map_or_else(local_now, DeviceTime)).await;
    }

    let recorder = Recorder::create(format!("{host}.zkt"))?;
    let mut options = ConnectOptions::new(host).recorder(recorder.clone());
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }
    let now = local_now();
    recorder.note(&format!("read at {}", now.0));
    let outcome = look(&options, now).await;
    recorder.finish()?;
    outcome
}

/// Whatever goes wrong for somebody: here, who it is and what its log holds.
async fn look(options: &ConnectOptions, now: DeviceTime) -> Result<(), Box<dyn Error>> {
    let mut client = Client::connect(options).await?;
    println!("{:?}", client.identity().await?);
    let pulled = pull(&mut client, &PullRequest::new(now), &mut |_| ()).await;
    client.exit().await;
    let pulled = pulled?;
    println!("{:?} records, {} bytes, {} sessions", pulled.records_on_device, pulled.bytes_read, pulled.sessions);
    println!("{:?}", pulled.found);
    Ok(())
}

//! Prints a terminal's attendance log, with proof. `attendance HOST [PORT]`

use std::error::Error;

use examples::local_now;
use zk_proto::client::{PullRequest, Pulled, pull};
use zk_proto::record::Who;
use zk_proto::{Client, ConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let host = args.next().ok_or("usage: attendance HOST [PORT]")?;
    let mut options = ConnectOptions::new(host);
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }

    let mut client = Client::connect(&options).await?;
    // A long log waits in a temporary file while it is proven. `pull.known`, kept and put into the next request, would
    // make that one read only what is new.
    let request = PullRequest::new(local_now());
    let pull = pull(&mut client, &request, &mut |_| ()).await?;
    client.exit().await;

    let mut proven = match pull.found {
        Pulled::Full(proven) | Pulled::Tail(proven) => proven,
        Pulled::Unproven { last, .. } => return Err(format!("not one record can be trusted: {last}").into()),
        _ => return Ok(()),
    };
    eprintln!("{} records in {} bytes", proven.records(), pull.bytes_read);
    loop {
        let batch = proven.next_batch(1000)?;
        if batch.is_empty() {
            return Ok(());
        }
        for record in batch {
            let who = match record.who {
                Who::UserId(id) => id.0,
                Who::Uid(uid) => format!("slot {}", uid.0),
            };
            println!("{}  {who:<12}  state {}  mode {}", record.time, record.punch_state.0, record.verify_mode.0);
        }
    }
}

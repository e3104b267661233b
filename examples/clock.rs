//! How wrong is its clock? `clock HOST [PORT]`

use std::error::Error;

use zk_proto::{Client, ConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let host = args.next().ok_or("usage: clock HOST [PORT]")?;
    let mut options = ConnectOptions::new(host);
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }

    let mut client = Client::connect(&options).await?;
    let time = client.time().await?;
    client.exit().await;

    // The terminal's wall clock: it knows no zone and no daylight saving.
    println!("the terminal shows {time}");
    if !time.exists() {
        println!("no calendar has that day: its clock needs to be set");
    }
    Ok(())
}

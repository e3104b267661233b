//! Which terminal is this, and how full is it? `device_info HOST [PORT]`

use std::error::Error;

use zk_proto::{Client, ConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let host = args.next().ok_or("usage: device_info HOST [PORT]")?;
    let mut options = ConnectOptions::new(host);
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }

    let mut client = Client::connect(&options).await?;
    let identity = client.identity().await?;
    let sizes = client.free_sizes().await?;
    client.exit().await;

    let known = |text: Option<String>| text.unwrap_or_else(|| "not told".to_owned());
    println!("serial number  {}", known(identity.serial));
    println!("model          {}", known(identity.device_name));
    println!("platform       {}", known(identity.platform));
    println!("firmware       {}", known(identity.firmware));
    let of = |count: Option<u32>, room: Option<u32>| match (count, room) {
        (Some(count), Some(room)) => format!("{count} of {room}"),
        _ => "not told".to_owned(),
    };
    println!("users          {}", of(sizes.users(), sizes.user_capacity()));
    println!("fingerprints   {}", of(sizes.fingers(), sizes.finger_capacity()));
    println!("attendance     {}", of(sizes.records(), sizes.record_capacity()));
    Ok(())
}

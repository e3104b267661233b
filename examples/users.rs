//! Who is enrolled? `users HOST [PORT]`

use std::error::Error;

use examples::local_now;
use zk_proto::client::{PullRequest, pull_users};
use zk_proto::encoding::TextEncoding;
use zk_proto::{Client, ConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let host = args.next().ok_or("usage: users HOST [PORT]")?;
    let mut options = ConnectOptions::new(host);
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }

    let mut client = Client::connect(&options).await?;
    let request = PullRequest::new(local_now());
    let table = pull_users(&mut client, &request).await?;
    client.exit().await;

    let table = table.map_err(|unproven| format!("the user table cannot be trusted: {unproven}"))?;
    // Passwords are part of the table; they are never printed.
    for user in table.users() {
        let name = user.name_text(TextEncoding::default());
        println!("slot {:>5}  user id {:<12}  {name}", user.uid.0, user.user_id.as_str());
    }
    Ok(())
}

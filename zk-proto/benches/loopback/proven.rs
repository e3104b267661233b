//! The client that is measured.

use std::net::SocketAddr;

use zk_proto::client::{PullRequest, Pulled, pull};
use zk_proto::proof::Proven;
use zk_proto::spool::SpoolDirectory;
use zk_proto::{Client, ConnectOptions, DeviceTime, Transport};

/// Opens a session.
pub(crate) async fn connect(address: SocketAddr) -> Client {
    let options = ConnectOptions::new("127.0.0.1").port(address.port()).transport(Transport::Tcp);
    Client::connect(&options).await.expect("a session")
}

/// Pulls the whole log, `memory` bytes of it kept in memory and more in a file in `directory`, and ends the session.
pub(crate) async fn pull_proven(mut client: Client, memory: usize, directory: SpoolDirectory) -> Proven {
    let now = DeviceTime::new(2026, 3, 14, 9, 26, 53).expect("a date");
    let request = PullRequest::new(now).spool_memory(memory).spool_directory(Some(directory));
    let pulled = pull(&mut client, &request, &mut |_| ()).await.expect("a pull");
    client.exit().await;
    match pulled.found {
        Pulled::Full(proven) => proven,
        other => panic!("{other:?}"),
    }
}

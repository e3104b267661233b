//! Each operation is recorded without what is secret, and replays to what it came to.

use zk_proto::client::Recorder;
use zk_proto::transcript::Transcript;
use zk_proto::{Client, ConnectOptions, Transport};
use zk_sim::Profile;

use super::{Named, Site, operations, people};

/// These look at templates and pictures, for which a transcript has zeros.
const SECRET: [&str; 4] = ["read fingerprint", "read all fingerprints", "face", "user photo"];

async fn run(operation: Named, options: &ConnectOptions) -> String {
    let mut client = match Client::connect(options).await {
        Ok(client) => client,
        Err(error) => return error.to_string(),
    };
    let outcome = (operation.1)(&mut client).await.map_err(|error| error.to_string());
    client.exit().await;
    format!("{outcome:?}")
}

/// Sixteen bytes out of the middle of each secret that the operations meet.
fn secrets() -> Vec<String> {
    let fingers = [(1, 6, 1700), (4, 6, 800), (5, 6, 500), (77, 1, 900)];
    let fingers = fingers.map(|(uid, finger, length)| people::finger(uid, finger, length).template);
    let mut secrets: Vec<_> = fingers.iter().map(|template| hex::encode(&template[40..56])).collect();
    // The photo, and the later parts of the face.
    secrets.extend([7, 8, 14].map(|filling: u8| hex::encode([filling; 16])));
    secrets
}

#[tokio::test]
async fn each_operation_replays_to_what_it_came_to() {
    let secrets = secrets();
    for profile in ["iface", "bw8"] {
        for transport in [Transport::Tcp, Transport::Udp] {
            for operation in operations() {
                let site = Site::start(&Profile::named(profile).unwrap(), transport, people::equipped()).await;
                let recorder = Recorder::in_memory();
                let then = run(*operation, &site.options().recorder(recorder.clone())).await;
                recorder.finish().unwrap();
                let text = recorder.text();
                let told = secrets.iter().find(|secret| text.contains(*secret));
                assert_eq!(told, None, "{} at {}", operation.0, site.name());
                if !SECRET.contains(&operation.0) {
                    let transcript = Transcript::parse(&text).unwrap();
                    let now = run(*operation, &ConnectOptions::replay(&transcript)).await;
                    assert_eq!(now, then, "{} at {}", operation.0, site.name());
                }
            }
        }
    }
}

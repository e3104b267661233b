//! How do I copy users and fingerprints to another terminal? `backup save|restore FILE HOST [PORT]`

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use zk_proto::client::Backup;
use zk_proto::record::{FingerTemplate, User, UserLayout};
use zk_proto::{Client, ConnectOptions, Uid};

const USAGE: &str = "usage: backup save|restore FILE HOST [PORT]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (action, file) = (args.next().ok_or(USAGE)?, args.next().ok_or(USAGE)?);
    let mut options = ConnectOptions::new(args.next().ok_or(USAGE)?);
    if let Some(port) = args.next() {
        options = options.port(port.parse()?);
    }

    // A file that cannot be read is no reason to disturb a terminal.
    let backup = if action == "restore" { Some(read(Path::new(&file))?) } else { None };
    let mut client = Client::connect(&options).await?;
    let done = match (&*action, backup) {
        ("restore", Some(backup)) => restore(&mut client, &backup).await,
        ("save", _) => save(&mut client, Path::new(&file)).await,
        _ => Err(USAGE.into()),
    };
    // On every path: what was disabled is enabled, and the only session of a small terminal is free again.
    client.exit().await;
    done
}

async fn save(client: &mut Client, file: &Path) -> Result<(), Box<dyn Error>> {
    let backup = client.backup().await?;
    write(file, &backup)?;
    println!("{} users, {} fingerprints saved", backup.users.len(), backup.fingers.len());
    Ok(())
}

async fn restore(client: &mut Client, backup: &Backup) -> Result<(), Box<dyn Error>> {
    // Should this program die on the way, the terminal enables itself after ten minutes.
    let net = Some(Duration::from_secs(600));
    let restored = client.while_disabled(net, async |client| client.restore(backup).await).await?;
    println!("{} users, {} fingerprints written, the others were there", restored.users, restored.fingers);
    Ok(())
}

/// Records as hex, so that every byte of them is kept.
fn write(file: &Path, backup: &Backup) -> Result<(), Box<dyn Error>> {
    let users: Vec<Value> = backup.users.iter().map(|user| json!(hex::encode(&user.raw))).collect();
    let fingers: Vec<Value> = backup
        .fingers
        .iter()
        .map(|finger| {
            json!({
                "uid": finger.uid.0, "finger": finger.finger, "flag": finger.flag,
                "template": hex::encode(&finger.template),
            })
        })
        .collect();
    let width = backup.layout.map(UserLayout::width);
    let whole = json!({ "user_bytes": width, "users": users, "algorithm": backup.algorithm, "fingers": fingers });
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // It holds people's passwords and fingerprints.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(file)?;
    serde_json::to_writer_pretty(&mut out, &whole)?;
    out.sync_all()?;
    Ok(out.flush()?)
}

fn read(file: &Path) -> Result<Backup, Box<dyn Error>> {
    let whole: Value = serde_json::from_reader(BufReader::new(File::open(file)?))?;
    let list = |name: &str| whole[name].as_array().ok_or_else(|| format!("no list of {name} in the file"));
    let bytes = |value: &Value| -> Result<Vec<u8>, Box<dyn Error>> {
        Ok(hex::decode(value.as_str().ok_or("hex digits are missing in the file")?)?)
    };
    let number = |value: &Value| value.as_u64().ok_or("a number is missing in the file");
    let width = whole["user_bytes"].as_u64();
    let layout = UserLayout::ALL.into_iter().find(|layout| Some(layout.width() as u64) == width);
    let mut backup = Backup { layout, algorithm: whole["algorithm"].as_str().map(Into::into), ..Backup::default() };
    for record in list("users")? {
        backup.users.push(User::parse(layout.ok_or("unknown width of users in the file")?, bytes(record)?.into())?);
    }
    for finger in list("fingers")? {
        backup.fingers.push(FingerTemplate {
            uid: Uid(number(&finger["uid"])?.try_into()?),
            finger: number(&finger["finger"])?.try_into()?,
            flag: number(&finger["flag"])?.try_into()?,
            template: bytes(&finger["template"])?.into(),
        });
    }
    Ok(backup)
}

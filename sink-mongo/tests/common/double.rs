//! A server at the level of the wire, for what no server shows on request. It proves our paths, not MongoDB.
//!
//! Messages: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>.

use std::sync::{Arc, Mutex};

use mongodb::bson::{Document, doc};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
const OP_MSG: i32 = 2013;

/// Its answer to a command.
pub(crate) enum Answer {
    /// As a server would: what is asked for is done.
    Ok,
    /// This.
    Document(Document),
    /// Nothing, forever.
    Silence,
    /// Half an answer, and the end of the connection.
    Half,
}

/// The server that it claims to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Identity {
    /// The primary of a replica set of one.
    pub(crate) replica_set: bool,
    /// A member that takes no writes.
    pub(crate) secondary: bool,
    /// Its newest wire version, where not that of MongoDB 4.4.
    pub(crate) wire_version: Option<i32>,
}

type Script = Box<dyn FnMut(&str, &Document) -> Answer + Send>;

/// The double, and the commands that it got.
pub(crate) struct Double {
    pub(crate) address: String,
    commands: Arc<Mutex<Vec<Document>>>,
}

struct State {
    address: String,
    identity: Identity,
    script: Mutex<Script>,
    commands: Arc<Mutex<Vec<Document>>>,
}

impl Double {
    /// Answers commands as `script` says, but for greetings.
    pub(crate) async fn start(
        identity: Identity,
        script: impl FnMut(&str, &Document) -> Answer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let commands = Arc::default();
        let state = State {
            address: address.clone(),
            identity,
            script: Mutex::new(Box::new(script)),
            commands: Arc::clone(&commands),
        };
        let state = Arc::new(state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&state)));
            }
        });
        Self { address, commands }
    }

    /// The commands of this name so far.
    pub(crate) fn commands(&self, name: &str) -> Vec<Document> {
        let commands = self.commands.lock().unwrap();
        commands.iter().filter(|command| command.keys().next().is_some_and(|first| first == name)).cloned().collect()
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<State>) {
    while let Ok((id, opcode, body)) = message(&mut stream).await {
        let command = if opcode == OP_QUERY { query(&body) } else { sections(&body) };
        let name = command.keys().next().unwrap().clone();
        let answer = if ["hello", "ismaster", "isMaster"].contains(&name.as_str()) {
            Answer::Document(state.greeting())
        } else {
            state.commands.lock().unwrap().push(command.clone());
            (state.script.lock().unwrap())(&name, &command)
        };
        let reply = match answer {
            Answer::Ok => doc! { "ok": 1, "n": command.get_array("documents").map_or(0, |all| all.len() as i32) },
            Answer::Document(reply) => reply,
            Answer::Silence => std::future::pending().await,
            Answer::Half => {
                let _ = stream.write_all(&[200, 0, 0, 0, 1, 0]).await;
                return;
            }
        };
        if stream.write_all(&framed(id, opcode, &reply)).await.is_err() {
            return;
        }
    }
}

impl State {
    fn greeting(&self) -> Document {
        let Identity { replica_set, secondary, wire_version } = self.identity;
        let mut greeting = doc! {
            "ismaster": !secondary,
            "isWritablePrimary": !secondary,
            "helloOk": true,
            "maxBsonObjectSize": 16_777_216,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "minWireVersion": 0,
            "maxWireVersion": wire_version.unwrap_or(9),
            "logicalSessionTimeoutMinutes": 30,
            "ok": 1,
        };
        if replica_set || secondary {
            let primary = if secondary { "192.0.2.1:27017" } else { &self.address };
            greeting.extend(doc! {
                "setName": "rs",
                "setVersion": 1,
                "secondary": secondary,
                "hosts": [&self.address],
                "me": &self.address,
                "primary": primary,
            });
        }
        greeting
    }
}

/// Request id, opcode and body of a message.
async fn message(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(i32, i32, Vec<u8>)> {
    let length = stream.read_i32_le().await? as usize;
    let id = stream.read_i32_le().await?;
    let _response_to = stream.read_i32_le().await?;
    let opcode = stream.read_i32_le().await?;
    let mut body = vec![0; length - 16];
    stream.read_exact(&mut body).await?;
    Ok((id, opcode, body))
}

/// The command of an OP_QUERY: flags, the collection's name, two numbers, the document.
fn query(body: &[u8]) -> Document {
    let name = body[4..].iter().position(|byte| *byte == 0).unwrap();
    Document::from_reader(&body[4 + name + 1 + 8..]).unwrap()
}

/// The command of an OP_MSG: flags, then sections; a sequence of documents is a field of the command.
fn sections(body: &[u8]) -> Document {
    let (mut command, mut sequences, mut rest) = (Document::new(), Document::new(), &body[4..]);
    while let [kind, behind @ ..] = rest {
        let length = i32::from_le_bytes(behind[..4].try_into().unwrap()) as usize;
        let (mut section, after) = behind.split_at(length);
        rest = after;
        if *kind == 0 {
            command = Document::from_reader(section).unwrap();
            continue;
        }
        section = &section[4..];
        let end = section.iter().position(|byte| *byte == 0).unwrap();
        let name = String::from_utf8(section[..end].to_vec()).unwrap();
        section = &section[end + 1..];
        let mut documents = Vec::new();
        while !section.is_empty() {
            documents.push(Document::from_reader(&mut section).unwrap());
        }
        sequences.insert(name, documents);
    }
    command.extend(sequences);
    command
}

fn framed(response_to: i32, opcode: i32, reply: &Document) -> Vec<u8> {
    let document = reply.to_vec().unwrap();
    let (opcode, head): (i32, &[u8]) = if opcode == OP_QUERY {
        // No flags, no cursor, from the first, one document.
        (OP_REPLY, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    } else {
        // No flags, one section with a document.
        (OP_MSG, &[0, 0, 0, 0, 0])
    };
    let length = (16 + head.len() + document.len()) as i32;
    let header = [length, 1, response_to, opcode].map(i32::to_le_bytes).concat();
    [header.as_slice(), head, &document].concat()
}

//! How do I talk to it without tokio? A `Session` over a plain socket of the standard library. `sans_io HOST:PORT`

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use zk_proto::op::{GetTime, Operation};
use zk_proto::reply::Reply;
use zk_proto::session::{Config, Event};
use zk_proto::{Command, Session};

/// The five calls that every driver loops around: here until one event comes out.
fn next_event(session: &mut Session, socket: &mut TcpStream, start: Instant) -> Result<Event, Box<dyn Error>> {
    let mut buffer = [0; 4096];
    loop {
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes)?;
        }
        if let Some(event) = session.poll_event() {
            return Ok(event);
        }
        let now = start.elapsed();
        let wait = session.poll_timeout().map(|at| at.saturating_sub(now).max(Duration::from_millis(1)));
        socket.set_read_timeout(wait)?;
        match socket.read(&mut buffer) {
            Ok(0) => return Err("the terminal closed the connection".into()),
            Ok(length) => session.handle_input(start.elapsed(), &buffer[..length])?,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                session.handle_timeout(start.elapsed());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: sans_io HOST:PORT")?;
    let mut socket = TcpStream::connect(address)?;
    let mut session = Session::stream(Config::default());
    let start = Instant::now();

    session.connect(start.elapsed());
    let Event::Connected = next_event(&mut session, &mut socket, start)? else { return Err("no session".into()) };
    session.call(start.elapsed(), &GetTime);
    let Event::Answer(packet) = next_event(&mut session, &mut socket, start)? else { return Err("no answer".into()) };
    let reply = Reply { command: Command::GET_TIME, code: packet.command, field: packet.session.0, data: &packet.data };
    println!("the terminal shows {}", GetTime.decode(&reply)?);
    session.exit(start.elapsed());
    next_event(&mut session, &mut socket, start)?;
    Ok(())
}

//! A device on the network: TCP and UDP on one port number.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use zk_proto::frame::{Decoded, FrameDecoder};

use crate::device::Device;
use crate::handle::Handle;
use crate::line::{Action, Transport};
use crate::link::LinkId;
use crate::shared::Shared;
use crate::terminal::Terminal;

/// How many ports are tried to find one that is free over both TCP and UDP.
const PORT_TRIES: usize = 20;
/// The most UDP clients that are remembered. The one that was silent longest is dropped.
const UDP_CLIENTS: usize = 1024;
/// The most bytes of one read, far more than any request.
const READ_SIZE: usize = 16 * 1024;

/// A running terminal. Dropping it ends every connection.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    handle: Handle,
    _stop: DropGuard,
}

impl Server {
    /// Starts a terminal on an address; port 0 takes a free one. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(terminal: Terminal, addr: SocketAddr) -> io::Result<Self> {
        let (tcp, udp, addr) = bind(&terminal, addr).await?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared::new(Device::new(terminal), stop.clone()));
        if let Some(listener) = tcp {
            tokio::spawn(until_stopped(stop.clone(), accept(listener, Arc::clone(&shared))));
        }
        if let Some(socket) = udp {
            tokio::spawn(until_stopped(stop.clone(), datagrams(Arc::new(socket), Arc::clone(&shared))));
        }
        Ok(Self { addr, handle: Handle::new(shared), _stop: stop.drop_guard() })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A handle to inspect and change the running terminal.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

async fn until_stopped(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

type Bound = (Option<TcpListener>, Option<UdpSocket>, SocketAddr);

async fn bind(terminal: &Terminal, addr: SocketAddr) -> io::Result<Bound> {
    let (tcp, udp) = (terminal.profile.tcp || terminal.profile.silent_tcp, terminal.profile.udp);
    if !tcp {
        let socket = UdpSocket::bind(addr).await?;
        let addr = socket.local_addr()?;
        return Ok((None, Some(socket), addr));
    }
    let mut tries = if addr.port() == 0 { PORT_TRIES } else { 1 };
    loop {
        let listener = TcpListener::bind(addr).await?;
        let bound = listener.local_addr()?;
        if !udp {
            return Ok((Some(listener), None, bound));
        }
        tries -= 1;
        match UdpSocket::bind(bound).await {
            Ok(socket) => return Ok((Some(listener), Some(socket), bound)),
            // The port is taken over UDP: try another one.
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Most likely out of file descriptors. Other connections will end.
                tracing::debug!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let opened = shared.device().open(Transport::Tcp);
        if let Some(link) = opened {
            // It may have ended others.
            shared.wake();
            tokio::spawn(until_stopped(shared.stop.clone(), connection(stream, link, Arc::clone(&shared))));
        }
    }
}

/// Removes the link on drop, however its connection ends.
struct Open {
    link: LinkId,
    shared: Arc<Shared>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.device().close(self.link);
    }
}

async fn connection(stream: TcpStream, link: LinkId, shared: Arc<Shared>) {
    let _open = Open { link, shared: Arc::clone(&shared) };
    if let Err(error) = serve(stream, link, &shared).await {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn serve(mut stream: TcpStream, link: LinkId, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wake = shared.wake.subscribe();
    let mut decoder = FrameDecoder::default();
    loop {
        let deadline = shared.device().poll_timeout(link).map(|at| shared.start + at);
        let buffer = decoder.buffer_mut();
        buffer.reserve(READ_SIZE);
        tokio::select! {
            read = stream.read_buf(buffer) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Ok(Decoded::Item(packet)) = decoder.next_frame() {
                    let actions = shared.device().handle_packet(link, packet, shared.now());
                    if !perform(&mut stream, actions).await? {
                        return Ok(());
                    }
                }
                // A stream that lost its framing is of no use to either side.
                if decoder.next_frame().is_err() {
                    return Ok(());
                }
            }
            _ = wake.changed() => {
                if !shared.device().is_open(link) {
                    return Ok(());
                }
            }
            () = reached(deadline) => {}
        }
        let events = shared.device().poll_events(link, shared.now());
        if !perform(&mut stream, events).await? {
            return Ok(());
        }
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Carries actions out. `false`: close the connection.
async fn perform(stream: &mut TcpStream, actions: Vec<Action>) -> io::Result<bool> {
    for action in actions {
        match action {
            Action::Write(frame) => {
                for piece in frame.writes() {
                    stream.write_all_buf(&mut piece.head.chain(piece.data)).await?;
                }
            }
            Action::Pause(delay) => tokio::time::sleep(delay).await,
            Action::Close => {
                stream.shutdown().await?;
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The UDP side: one link per source address.
async fn datagrams(socket: Arc<UdpSocket>, shared: Arc<Shared>) {
    let mut wake = shared.wake.subscribe();
    let mut clients: HashMap<SocketAddr, (LinkId, Instant)> = HashMap::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let deadline = {
            let device = shared.device();
            clients.values().filter_map(|(link, _)| device.poll_timeout(*link)).min().map(|at| shared.start + at)
        };
        tokio::select! {
            received = socket.recv_from(&mut buffer) => {
                // An ICMP error of an earlier datagram, which does not matter here.
                let Ok((length, from)) = received else { continue };
                let packet = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                let Some(link) = client(&shared, &mut clients, from) else { continue };
                let actions = shared.device().handle_packet(link, packet, shared.now());
                send(&socket, from, actions).await;
            }
            _ = wake.changed() => {}
            () = reached(deadline) => {}
        }
        for (address, (link, _)) in &clients {
            let actions = shared.device().poll_events(*link, shared.now());
            send(&socket, *address, actions).await;
        }
    }
}

/// The link of a source address. It is opened if it is new, or was lost in a restart.
fn client(shared: &Shared, clients: &mut HashMap<SocketAddr, (LinkId, Instant)>, from: SocketAddr) -> Option<LinkId> {
    let mut device = shared.device();
    if let Some((link, seen)) = clients.get_mut(&from)
        && device.is_open(*link)
    {
        *seen = Instant::now();
        return Some(*link);
    }
    if clients.len() >= UDP_CLIENTS
        && let Some(oldest) = clients.iter().min_by_key(|(_, (_, seen))| *seen).map(|(address, _)| *address)
        && let Some((link, _)) = clients.remove(&oldest)
    {
        device.close(link);
    }
    let link = device.open(Transport::Udp)?;
    clients.insert(from, (link, Instant::now()));
    Some(link)
}

async fn send(socket: &Arc<UdpSocket>, to: SocketAddr, actions: Vec<Action>) {
    if actions.iter().any(|action| matches!(action, Action::Pause(_))) {
        // A slow client must not delay the others.
        tokio::spawn(send_now(Arc::clone(socket), to, actions));
    } else {
        send_now(Arc::clone(socket), to, actions).await;
    }
}

async fn send_now(socket: Arc<UdpSocket>, to: SocketAddr, actions: Vec<Action>) {
    for action in actions {
        match action {
            Action::Write(frame) => {
                if let Err(error) = socket.send_to(&frame.to_bytes(), to).await {
                    tracing::debug!(%error, "a datagram could not be sent");
                }
            }
            Action::Pause(delay) => tokio::time::sleep(delay).await,
            Action::Close => return,
        }
    }
}

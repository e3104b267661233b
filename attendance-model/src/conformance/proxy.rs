//! A connection between a sink and its server that breaks on request.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The bytes that calm connections of a storm let through before they are cut.
const CALM_BYTES: u64 = 8 << 20;

/// A way through the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the sink to the server.
    ToServer,
    /// From the server to the sink.
    ToClient,
}

/// The fault of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Closes it in order after this many more bytes went this way; they arrive.
    CutAfter {
        /// Bytes that still arrive.
        bytes: u64,
        /// The direction in which they are counted.
        direction: Direction,
    },
    /// As `CutAfter`, but with a reset, as from a server that was killed or a firewall that forgot.
    ResetAfter {
        /// Bytes that still arrive.
        bytes: u64,
        /// The direction in which they are counted.
        direction: Direction,
    },
    /// Every piece waits this long, in each direction.
    Delay(Duration),
    /// Connections are accepted and stay open, and nothing gets through until the fault is healed.
    Pause,
    /// All connections are closed at once, new and present ones.
    Refuse,
    /// Each connection, present ones too, meets a fault drawn from this seed: a cut or a reset in its first 128 KiB, in
    /// either direction, or delays; one in four is left alone for 8 MiB.
    Storm {
        /// The fault of each connection is drawn from it.
        seed: u64,
    },
}

/// A proxy on loopback in front of a server. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    connections: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

/// The fault of the moment. The number grows with each change, so that a fault that is set again counts its bytes from
/// zero.
#[derive(Clone, Copy, Debug)]
struct Weather {
    fault: Fault,
    number: u64,
}

/// The end of one direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Nothing more is sent on it; the other direction continues.
    Said,
    /// The connection is closed in order.
    Cut,
    /// The connection is reset.
    Reset,
}

/// The current fault's effect on one direction of one connection.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Bytes that still get through, and what happens then.
    left: Option<(u64, Ending)>,
    delay: Duration,
    paused: bool,
}

impl Proxy {
    /// Listens on a free port and forwards to `server`, a `HOST:PORT`.
    ///
    /// # Errors
    /// When loopback has no port.
    pub async fn start(server: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let weather = watch::Sender::new(Weather { fault: Fault::None, number: 0 });
        let connections = Arc::new(AtomicUsize::new(0));
        let accepting =
            tokio::spawn(accept(listener, server.to_owned(), weather.subscribe(), Arc::clone(&connections)));
        Ok(Self { address, weather, connections, accepting: accepting.abort_handle() })
    }

    /// The address on which it listens: `127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Gives every connection this fault, present ones too.
    pub fn set(&self, fault: Fault) {
        self.weather.send_modify(|weather| *weather = Weather { fault, number: weather.number + 1 });
    }

    /// Ends the fault: everything gets through, also what a pause held back.
    pub fn heal(&self) {
        self.set(Fault::None);
    }

    /// The number of connections so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: String,
    weather: watch::Receiver<Weather>,
    connections: Arc<AtomicUsize>,
) {
    while let Ok((near, _)) = listener.accept().await {
        let number = connections.fetch_add(1, Ordering::SeqCst) as u64;
        tokio::spawn(connect(near, server.clone(), weather.clone(), number));
    }
}

/// One connection, to its end.
async fn connect(mut near: TcpStream, server: String, weather: watch::Receiver<Weather>, number: u64) {
    if weather.borrow().fault == Fault::Refuse {
        return;
    }
    let Ok(mut far) = TcpStream::connect(&server).await else { return };
    // Small pieces go at once: the delays are ours alone.
    let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
    let ending = {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let mut up = pin!(forward(near_in, far_out, Direction::ToServer, weather.clone(), number));
        let mut down = pin!(forward(far_in, near_out, Direction::ToClient, weather, number));
        tokio::select! {
            ending = &mut up => if ending == Ending::Said { down.await } else { ending },
            ending = &mut down => if ending == Ending::Said { up.await } else { ending },
        }
    };
    if ending == Ending::Reset {
        // A socket that is closed with a linger time of zero sends a reset.
        let _ = near.set_zero_linger().and_then(|()| far.set_zero_linger());
    }
}

/// One way through a connection, to its end.
async fn forward(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    direction: Direction,
    mut weather: watch::Receiver<Weather>,
    number: u64,
) -> Ending {
    let mut buffer = vec![0; 16 << 10];
    let mut plan = Plan::of(*weather.borrow_and_update(), direction, number);
    loop {
        if let Some((0, ending)) = plan.left {
            return ending;
        }
        let length = tokio::select! {
            biased;
            changed = weather.changed() => {
                if changed.is_err() {
                    return Ending::Cut;
                }
                plan = Plan::of(*weather.borrow_and_update(), direction, number);
                continue;
            }
            read = from.read(&mut buffer), if !plan.paused => match read {
                Ok(0) => {
                    let _ = to.shutdown().await;
                    return Ending::Said;
                }
                Ok(length) => length,
                Err(_) => return Ending::Reset,
            },
        };
        tokio::time::sleep(plan.delay).await;
        let mut piece = buffer.get(..length).unwrap_or_default();
        if let Some((left, _)) = &mut plan.left {
            let through = usize::try_from(*left).unwrap_or(usize::MAX).min(length);
            piece = piece.get(..through).unwrap_or_default();
            *left -= through as u64;
        }
        if to.write_all(piece).await.is_err() {
            return Ending::Reset;
        }
    }
}

impl Plan {
    fn of(weather: Weather, way: Direction, connection: u64) -> Self {
        let calm = Self { left: None, delay: Duration::ZERO, paused: false };
        let after = |bytes: u64, direction: Direction, ending: Ending| Self {
            left: (way == direction).then_some((bytes, ending)),
            ..calm
        };
        match weather.fault {
            Fault::None => calm,
            Fault::CutAfter { bytes, direction } => after(bytes, direction, Ending::Cut),
            Fault::ResetAfter { bytes, direction } => after(bytes, direction, Ending::Reset),
            Fault::Delay(delay) => Self { delay, ..calm },
            Fault::Pause => Self { paused: true, ..calm },
            Fault::Refuse => Self { left: Some((0, Ending::Cut)), ..calm },
            Fault::Storm { seed } => {
                let drawn = scramble(seed ^ scramble(connection));
                let direction = if drawn & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
                // Every size of piece has its turn: from the first bytes of a greeting to the middle of a big batch.
                let bytes = (1 << ((drawn >> 8) % 18)) + (drawn >> 32) % 1000;
                match (drawn >> 1) % 4 {
                    0 => after(bytes, direction, Ending::Cut),
                    1 => after(bytes, direction, Ending::Reset),
                    2 => Self { delay: Duration::from_millis(1 + (drawn >> 16) % 4), ..calm },
                    _ => after(CALM_BYTES, direction, Ending::Cut),
                }
            }
        }
    }
}

/// The finalizer of `splitmix64`: near numbers become far ones, the same on every run.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says everything back.
    async fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        address
    }

    async fn exchange(proxy: &Proxy, length: usize) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(proxy.address()).await?;
        stream.write_all(&vec![7; length]).await?;
        stream.shutdown().await?;
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await?;
        Ok(back)
    }

    #[tokio::test]
    async fn without_a_fault_everything_gets_through() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        assert_eq!(exchange(&proxy, 100_000).await.unwrap().len(), 100_000);
        assert_eq!(proxy.connections(), 1);
    }

    #[tokio::test]
    async fn a_cut_lets_so_many_bytes_through_and_no_more() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        for bytes in [0, 1, 17, 20_000] {
            proxy.set(Fault::CutAfter { bytes, direction: Direction::ToClient });
            assert_eq!(exchange(&proxy, 50_000).await.map_or(bytes, |back| back.len() as u64), bytes);
        }
        proxy.heal();
        assert_eq!(exchange(&proxy, 9).await.unwrap().len(), 9);
    }

    #[tokio::test]
    async fn a_reset_is_seen_as_one() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        proxy.set(Fault::ResetAfter { bytes: 0, direction: Direction::ToClient });
        let error = stream.read(&mut [0; 9]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn what_a_pause_held_back_comes_when_it_is_healed() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        proxy.set(Fault::Pause);
        let mut exchange = pin!(exchange(&proxy, 9));
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut exchange).await.is_err());
        proxy.heal();
        assert_eq!(exchange.await.unwrap().len(), 9);
    }

    #[tokio::test]
    async fn a_refusal_ends_what_is_there_and_takes_nothing_new() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(&[7; 9]).await.unwrap();
        stream.read_exact(&mut [0; 9]).await.unwrap();
        proxy.set(Fault::Refuse);
        assert!(matches!(stream.read(&mut [0; 9]).await, Ok(0) | Err(_)));
        assert!(exchange(&proxy, 9).await.map_or(true, |back| back.is_empty()));
    }

    #[tokio::test]
    async fn a_storm_breaks_some_connections_and_lets_some_through() {
        let proxy = Proxy::start(&echo().await).await.unwrap();
        proxy.set(Fault::Storm { seed: 1 });
        let mut whole = 0;
        for _ in 0..40 {
            whole += usize::from(exchange(&proxy, 5_000).await.is_ok_and(|back| back.len() == 5_000));
        }
        assert!((10..=35).contains(&whole), "{whole} of 40 came through");
    }
}

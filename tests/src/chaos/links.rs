//! Links that can be made slow: one small TCP relay for each direction between two nodes.
//!
//! The kernels of common build machines have no `netem`, so delay comes from here. A rule of the caller's
//! namespace leads new connections aside to the relay, which holds every piece of bytes back for a while, a
//! different one each time, and then hands it on. What it carries is TLS: order and content stay.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

/// Bytes taken at a time.
const PIECE_BYTES: usize = 16 << 10;
/// Pieces held back at a time; a sender that is faster waits.
const PIECES_MAX: usize = 64;

/// How slow a link is: at least and at most so long, each way.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    pub least: Duration,
    pub most: Duration,
}

/// A relay to one node's peer port. It ends, and resets what it carries, when dropped.
pub struct Link {
    /// Where it is entered.
    pub at: SocketAddr,
    carried: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Link {
    /// Entered at a port of `here`.
    pub fn to(runtime: &Handle, here: IpAddr, peer: SocketAddr, delay: Delay) -> Link {
        let carried = Arc::<AtomicU64>::default();
        let listener = runtime.block_on(TcpListener::bind(SocketAddr::new(here, 0)));
        let listener = listener.expect("every address has free ports");
        let at = listener.local_addr().expect("a bound listener has an address");
        let task = runtime.spawn(accept(listener, peer, delay, carried.clone()));
        Link { at, carried, task }
    }

    /// Bytes handed on so far, both ways.
    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, delay: Delay, carried: Arc<AtomicU64>) {
    let mut connections = JoinSet::new();
    while let Ok((caller, _)) = listener.accept().await {
        let carried = carried.clone();
        connections.spawn(async move {
            let Ok(callee) = TcpStream::connect(to).await else { return };
            let _ = (caller.set_nodelay(true), callee.set_nodelay(true));
            let (from_caller, to_caller) = caller.into_split();
            let (from_callee, to_callee) = callee.into_split();
            tokio::join!(
                hand_on(from_caller, to_callee, delay, &carried),
                hand_on(from_callee, to_caller, delay, &carried)
            );
        });
    }
}

/// Takes pieces as they come and gives each on when its time has come, in order.
async fn hand_on(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    delay: Delay,
    carried: &AtomicU64,
) {
    let (queue, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    let take = async move {
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let Ok(length @ 1..) = from.read(&mut piece).await else { return };
            piece.truncate(length);
            let held = rand::random_range(delay.least..=delay.most);
            if queue.send((Instant::now() + held, piece)).await.is_err() {
                return;
            }
        }
    };
    let give = async {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
            carried.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(take, give);
}

//! The async runtime as openraft sees it: tokio's, with randomness that a simulation may seed.
//!
//! openraft draws one thing at random, how long to wait for what. Inside [`seeded`] those draws come from
//! the seed, and so do those of every task that is spawned there by openraft; anywhere else they come from
//! the system.

use futures::FutureExt;
use openraft::OptionalSend;
use openraft::impls::TokioRuntime;
use openraft::type_config::async_runtime::AsyncRuntime;
use openraft_rt::deterministic_rng::DeterministicRng;
use std::cell::Cell;
use std::future::Future;
use std::time::Duration;
use tokio::task_local;

type Seeded = DeterministicRng<TokioRuntime>;

task_local! {
    static SEED: Cell<u64>;
}

/// Runs `future` with openraft's randomness drawn from `seed`.
pub async fn seeded<T>(seed: u64, future: impl Future<Output = T>) -> T {
    SEED.scope(Cell::new(seed), future).await
}

/// The next number of this task's sequence, if it has one (Steele, Lea, Flood: SplitMix).
fn next_seed() -> Option<u64> {
    SEED.try_with(|seed| {
        seed.set(seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mixed = (seed.get() ^ (seed.get() >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
    .ok()
}

/// tokio's runtime.
#[derive(Debug)]
pub struct Runtime(TokioRuntime);

impl AsyncRuntime for Runtime {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <Seeded as AsyncRuntime>::ThreadLocalRng;
    type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
    type Watch = <TokioRuntime as AsyncRuntime>::Watch;
    type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        match next_seed() {
            Some(seed) => TokioRuntime::spawn(SEED.scope(Cell::new(seed), future)),
            None => TokioRuntime::spawn(future),
        }
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        let seed = next_seed().unwrap_or_else(rand::random);
        let draw = Seeded::scope(seed, async { Seeded::thread_rng() });
        draw.now_or_never().expect("making a generator waits for nothing")
    }

    fn new(threads: usize) -> Self {
        Runtime(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn draws() -> Vec<String> {
        let mut drawn = vec![format!("{:?}", Runtime::thread_rng())];
        let spawned = Runtime::spawn(async { format!("{:?}", Runtime::thread_rng()) });
        drawn.push(spawned.await.unwrap());
        drawn.push(format!("{:?}", Runtime::thread_rng()));
        drawn
    }

    #[tokio::test]
    async fn a_seed_gives_the_same_draws_in_a_task_and_in_those_it_spawns() {
        let first = seeded(7, draws()).await;
        assert_eq!(first, seeded(7, draws()).await);
        let all: std::collections::BTreeSet<_> = first
            .into_iter()
            .chain(seeded(8, draws()).await)
            .chain(draws().await)
            .chain(draws().await)
            .collect();
        assert_eq!(all.len(), 12, "other seeds, and no seed, give others");
    }

    /// openraft's own checks of a runtime.
    #[test]
    fn it_is_a_runtime_as_openraft_wants_it() {
        openraft_rt::testing::Suite::<Runtime>::test_all();
    }
}

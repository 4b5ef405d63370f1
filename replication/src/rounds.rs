//! Many who ask the same at the same time are answered together.

use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Runs one round after the other. Whoever comes while one runs is answered by the next: it began after they
/// asked.
pub(crate) struct Rounds<T> {
    turn: tokio::sync::Mutex<()>,
    next: Mutex<Arc<OnceCell<T>>>,
}

impl<T> Default for Rounds<T> {
    fn default() -> Rounds<T> {
        Rounds { turn: tokio::sync::Mutex::default(), next: Mutex::default() }
    }
}

impl<T: Clone> Rounds<T> {
    /// What a round comes to that begins after this call, be it this one's or another's.
    pub async fn join(&self, round: impl Future<Output = T>) -> T {
        let mine = Arc::clone(&self.next.lock());
        let run = async {
            let _turn = self.turn.lock().await;
            self.close(&mine);
            round.await
        };
        mine.get_or_init(|| run).await.clone()
    }

    /// From here on newcomers are too late for this round.
    fn close(&self, round: &Arc<OnceCell<T>>) {
        let mut next = self.next.lock();
        if Arc::ptr_eq(round, &next) {
            *next = Arc::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rounds;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;
    use tokio::time::sleep;

    async fn round(begun: &AtomicU64) -> u64 {
        let number = begun.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(200)).await;
        number
    }

    #[tokio::test]
    async fn whoever_comes_during_a_round_shares_the_next() {
        let (rounds, begun) = (Rounds::default(), AtomicU64::new(0));
        let late = || async {
            sleep(Duration::from_millis(50)).await;
            rounds.join(round(&begun)).await
        };
        let (first, a, b, c) = tokio::join!(rounds.join(round(&begun)), late(), late(), late());
        assert_eq!((first, a, b, c), (0, 1, 1, 1));
        assert_eq!(rounds.join(round(&begun)).await, 2);
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_round_to_the_others() {
        let (rounds, begun) = (Rounds::default(), AtomicU64::new(0));
        let hasty = tokio::time::timeout(Duration::from_millis(50), rounds.join(round(&begun)));
        let patient = rounds.join(round(&begun));
        let (gave_up, answered) = tokio::join!(hasty, patient);
        assert!(gave_up.is_err());
        assert_eq!(answered, 1, "a round of its own");
    }
}

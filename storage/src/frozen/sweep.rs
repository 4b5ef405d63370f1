//! One pass over an engine as it was, while commits go on.

use super::{FrozenView, after};
use crate::table::{Engine, Reader, Row, StorageError};

/// Every row of one moment, once, in the order of keys.
///
/// Commits may wait for whoever holds this: read on or drop it, and commit nothing from the same thread.
pub struct Sweep<E: Engine> {
    view: FrozenView<E>,
    from: Vec<u8>,
    is_over: bool,
}

impl<E: Engine> Sweep<E> {
    pub(super) fn new(view: FrozenView<E>) -> Sweep<E> {
        Sweep { view, from: Vec::new(), is_over: false }
    }

    /// The rows of its moment, to be looked up; of those that it has passed nothing can be said any more.
    pub fn ahead(&self) -> &FrozenView<E> {
        &self.view
    }

    /// The next rows, at most `limit` and not none; empty at the end.
    pub fn next(&mut self, limit: usize) -> Result<Vec<Row>, StorageError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let rows = self.view.scan(&self.from, b"", limit)?;
        match rows.last() {
            Some((last, _)) => {
                self.from = after(last);
                self.view.notes.pass(self.from.clone());
            }
            None => {
                self.is_over = true;
                self.view.notes.end();
            }
        }
        Ok(rows)
    }

    /// Bytes held for it at the moment.
    pub fn bytes_held(&self) -> usize {
        self.view.bytes_held()
    }
}

impl<E: Engine> Drop for Sweep<E> {
    fn drop(&mut self) {
        self.view.notes.end();
    }
}

#[cfg(test)]
mod tests {
    use crate::MemoryEngine;
    use crate::frozen::Frozen;
    use crate::table::{Batch, Engine, Reader, Row};
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::time::Duration;

    fn put(engine: &dyn Engine, n: u32, value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(n.to_be_bytes().to_vec(), value.to_vec());
        engine.commit(batch).unwrap();
    }

    fn filled(rows: u32) -> (Frozen<MemoryEngine>, Vec<Row>) {
        let engine = Frozen::new(MemoryEngine::new());
        (0..rows).for_each(|n| put(&engine, n, b"then"));
        let rows = engine.scan(b"", b"", usize::MAX).unwrap();
        (engine, rows)
    }

    proptest! {
        #[test]
        fn a_sweep_is_the_state_of_its_moment_whatever_is_committed_meanwhile(
            changes in proptest::collection::vec((0..120u32, any::<bool>()), 0..200), limit in 1..9usize,
        ) {
            let (engine, expected) = filled(100);
            let (mut sweep, mut changes, mut seen) = (engine.sweep(1 << 20), changes.into_iter(), Vec::new());
            loop {
                for (n, keep) in changes.by_ref().take(7) {
                    let mut batch = Batch::new();
                    match keep {
                        true => batch.put(n.to_be_bytes().to_vec(), b"now".to_vec()),
                        false => batch.delete(n.to_be_bytes().to_vec()),
                    }
                    engine.commit(batch).unwrap();
                }
                let rows = sweep.next(limit).unwrap();
                if rows.is_empty() {
                    break;
                }
                seen.extend(rows);
            }
            prop_assert_eq!(seen, expected);
            prop_assert_eq!(sweep.bytes_held(), 0);
        }
    }

    /// Far more is changed than notes have room for: the pass comes to its end, and so do the commits.
    #[test]
    fn a_sweep_ends_under_any_load_within_its_bound() {
        const BYTES_MAX: usize = 3_000;
        let (engine, expected) = filled(5_000);
        let (done, commits) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|threads| {
            let mut sweep = engine.sweep(BYTES_MAX);
            threads.spawn(|| {
                // Always ahead of the pass, as far as there is something ahead.
                let numbers = (0..5_000u32).rev().cycle();
                for n in numbers.take_while(|_| !done.load(Ordering::SeqCst)) {
                    put(&engine, n, b"now");
                    commits.fetch_add(1, Ordering::SeqCst);
                }
            });
            while commits.load(Ordering::SeqCst) < 10 {
                std::thread::yield_now();
            }
            let mut seen = Vec::new();
            loop {
                assert!(sweep.bytes_held() <= BYTES_MAX);
                let rows = sweep.next(50).unwrap();
                if rows.is_empty() {
                    break;
                }
                seen.extend(rows);
            }
            assert_eq!(seen, expected);
            let before = commits.load(Ordering::SeqCst);
            while commits.load(Ordering::SeqCst) < before + 5_000 {
                std::thread::yield_now();
            }
            done.store(true, Ordering::SeqCst);
        });
    }

    #[test]
    fn what_is_ahead_of_a_sweep_can_be_looked_up_as_it_was() {
        let (engine, rows) = filled(10);
        let mut sweep = engine.sweep(1 << 20);
        put(&engine, 9, b"now");
        sweep.next(5).unwrap();
        put(&engine, 8, b"now");
        for (key, value) in &rows[5..] {
            assert_eq!(sweep.ahead().get(key).unwrap().as_ref(), Some(value));
        }
    }

    #[test]
    fn commits_that_wait_go_on_when_a_sweep_is_given_up() {
        let (engine, _) = filled(100);
        let sweep = engine.sweep(200);
        std::thread::scope(|threads| {
            let committing = threads.spawn(|| (0..100).for_each(|n| put(&engine, n, b"now")));
            std::thread::sleep(Duration::from_millis(50));
            assert!(!committing.is_finished(), "there is no room for so many notes");
            drop(sweep);
        });
        assert_eq!(engine.get(&99u32.to_be_bytes()).unwrap().unwrap(), b"now".as_slice());
    }
}

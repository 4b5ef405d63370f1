//! The index writers of the process: few, because each holds threads and tens of megabytes.
//!
//! Invariant: idle and lent writers together never exceed the bound. A writer that was just used
//! stays open for the next commit of the same index; when another index needs its place the one
//! idle for longest closes; when all are lent out, the next waits.

use parking_lot::{Condvar, Mutex};
use tantivy::{IndexWriter, TantivyError};

pub struct Writers {
    open_max: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    /// Longest idle first, by what index they write.
    idle: Vec<(String, IndexWriter)>,
    lent: usize,
}

pub struct Lease<'a> {
    writers: &'a Writers,
    key: String,
    writer: Option<IndexWriter>,
}

impl Writers {
    pub fn new(open_max: usize) -> Writers {
        Writers { open_max: open_max.max(1), state: Mutex::default(), returned: Condvar::new() }
    }

    /// The writer of one index, for as long as the lease lives. The caller makes sure that one
    /// index is leased once at a time.
    pub fn lease(
        &self,
        key: String,
        open: impl FnOnce() -> Result<IndexWriter, TantivyError>,
    ) -> Result<Lease<'_>, TantivyError> {
        let mut lease = Lease { writers: self, writer: self.take_place(&key), key };
        if lease.writer.is_none() {
            lease.writer = Some(open()?);
        }
        Ok(lease)
    }

    /// Counts one more lent writer: this index's idle one, or room for a new one.
    fn take_place(&self, key: &str) -> Option<IndexWriter> {
        let mut state = self.state.lock();
        loop {
            if let Some(place) = state.idle.iter().position(|(known, _)| known == key) {
                state.lent += 1;
                return Some(state.idle.remove(place).1);
            }
            if state.idle.len() + state.lent < self.open_max {
                state.lent += 1;
                return None;
            }
            if !state.idle.is_empty() {
                state.lent += 1;
                let closed = state.idle.remove(0);
                drop(state); // closing joins threads
                drop(closed);
                return None;
            }
            self.returned.wait(&mut state);
        }
    }

    /// Closes the idle writer of an index whose directory is about to go.
    pub fn close(&self, key: &str) {
        let mut state = self.state.lock();
        let closed: Vec<_> = state.idle.extract_if(.., |(known, _)| known == key).collect();
        drop(state);
        drop(closed);
    }

    #[cfg(test)]
    fn open(&self) -> usize {
        let state = self.state.lock();
        state.idle.len() + state.lent
    }
}

impl Lease<'_> {
    pub fn writer(&mut self) -> &mut IndexWriter {
        self.writer.as_mut().expect("a lease has its writer until it is discarded or dropped")
    }

    /// Closes the writer instead of keeping it: what it had queued is forgotten.
    pub fn discard(mut self) {
        drop(self.writer.take());
    }

    /// Closes the writer once the merges it had begun are done.
    pub fn finish(mut self) -> Result<(), TantivyError> {
        match self.writer.take() {
            Some(writer) => writer.wait_merging_threads(),
            None => Ok(()),
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.writers.state.lock();
        state.lent -= 1;
        if let Some(writer) = self.writer.take() {
            state.idle.push((std::mem::take(&mut self.key), writer));
        }
        drop(state);
        self.writers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tantivy::Index;
    use tantivy::schema::Schema;

    use super::*;

    fn open() -> Result<IndexWriter, TantivyError> {
        Index::create_in_ram(Schema::builder().build()).writer_with_num_threads(1, 15_000_000)
    }

    #[test]
    fn no_more_writers_are_open_than_allowed() {
        let writers = Writers::new(2);
        let opened = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (writers, opened) = (&writers, &opened);
                scope.spawn(move || {
                    for round in 0..5 {
                        let key = format!("{}", (thread * 5 + round) % 7 + thread * 100);
                        let lease = writers.lease(key, || {
                            opened.fetch_add(1, Ordering::Relaxed);
                            open()
                        });
                        assert!(writers.open() <= 2);
                        drop(lease.expect("opens"));
                    }
                });
            }
        });
        assert!(opened.load(Ordering::Relaxed) >= 4);
        assert_eq!(writers.open(), 2);
    }

    #[test]
    fn the_last_index_written_keeps_its_writer() {
        let writers = Writers::new(2);
        drop(writers.lease("a".to_owned(), open).expect("opens"));
        let again = writers.lease("a".to_owned(), || panic!("it is still open"));
        again.expect("is lent").discard();
        assert_eq!(writers.open(), 0);
    }
}

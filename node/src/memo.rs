//! Answers of earlier reads, good until the next commit.
//!
//! What a shop is configured with changes a few times a day and is read many times in every request. A
//! lookup here costs a hash; the engine walks its tree and copies each row.
//!
//! Contract: an answer is one that the engine gave since the last commit that anybody was told of. A read
//! that overlaps a commit may see either side of it, as it may in the engine.

use bytes::Bytes;
use gearify_storage::{Row, StorageError};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Locks that lookups are spread over.
const SHARDS: usize = 8;
/// Bytes of keys and rows in one shard; a full one begins anew.
const SHARD_BYTES_MAX: usize = 512 << 10;
/// A larger answer is not kept: it would push out many small ones.
const ANSWER_BYTES_MAX: usize = 32 << 10;
/// Counted for each answer and row beside its bytes.
const OVERHEAD_BYTES: usize = 96;

#[derive(Default)]
pub struct Memo {
    /// Counts commits.
    generation: AtomicU64,
    shards: [RwLock<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    generation: u64,
    bytes: usize,
    answers: HashMap<Box<[u8]>, Answer>,
}

#[derive(Clone)]
enum Answer {
    One(Option<Bytes>),
    Many(Vec<Row>),
}

impl Memo {
    /// A commit is done: whatever was read before may be wrong now.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    pub fn get(
        &self,
        key: &[u8],
        read: impl FnOnce() -> Result<Option<Bytes>, StorageError>,
    ) -> Result<Option<Bytes>, StorageError> {
        let question = [&[0], key].concat();
        match self.answer(question, || Ok(Answer::One(read()?)))? {
            Answer::One(row) => Ok(row),
            Answer::Many(_) => unreachable!("questions for one row begin with their own byte"),
        }
    }

    pub fn scan(
        &self,
        (from, until, limit): (&[u8], &[u8], usize),
        read: impl FnOnce() -> Result<Vec<Row>, StorageError>,
    ) -> Result<Vec<Row>, StorageError> {
        let question =
            [&[1], &limit.to_be_bytes()[..], &(from.len() as u32).to_be_bytes()[..], from, until].concat();
        match self.answer(question, || Ok(Answer::Many(read()?)))? {
            Answer::Many(rows) => Ok(rows),
            Answer::One(_) => unreachable!("questions for many rows begin with their own byte"),
        }
    }

    fn answer(
        &self,
        question: Vec<u8>,
        read: impl FnOnce() -> Result<Answer, StorageError>,
    ) -> Result<Answer, StorageError> {
        let mixed = question.iter().rev().take(16).fold(0u8, |mixed, byte| mixed.rotate_left(3) ^ byte);
        let shard = &self.shards[usize::from(mixed) % SHARDS];
        // Before the engine is read: a commit in between makes the answer old, and it is not kept.
        let generation = self.generation.load(Ordering::Acquire);
        {
            let shard = shard.read();
            if shard.generation == generation
                && let Some(answer) = shard.answers.get(question.as_slice())
            {
                return Ok(answer.clone());
            }
        }
        let answer = read()?;
        shard.write().keep(generation, question, &answer);
        Ok(answer)
    }
}

impl Shard {
    fn keep(&mut self, generation: u64, question: Vec<u8>, answer: &Answer) {
        let bytes = question.len() + answer.bytes() + OVERHEAD_BYTES;
        if generation < self.generation || bytes > ANSWER_BYTES_MAX {
            return;
        }
        if generation > self.generation || self.bytes + bytes > SHARD_BYTES_MAX {
            *self = Shard { generation, ..Shard::default() };
        }
        self.bytes += bytes;
        self.answers.insert(question.into(), answer.clone());
    }
}

impl Answer {
    fn bytes(&self) -> usize {
        match self {
            Answer::One(row) => row.as_ref().map_or(0, Bytes::len),
            Answer::Many(rows) => {
                rows.iter().map(|(key, value)| key.len() + value.len() + OVERHEAD_BYTES).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn row(text: &str) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn an_answer_is_read_once_until_something_is_committed() {
        let (memo, reads) = (Memo::default(), Cell::new(0));
        let get = |now: &str| {
            let read = || {
                reads.set(reads.get() + 1);
                Ok(row(now))
            };
            memo.get(b"bat", read).unwrap()
        };
        assert_eq!((get("red"), get("blue")), (row("red"), row("red")));
        memo.forget();
        assert_eq!((get("blue"), reads.get()), (row("blue"), 2));
    }

    #[test]
    fn an_answer_read_across_a_commit_is_not_kept() {
        let memo = Memo::default();
        let across = memo.get(b"bat", || {
            memo.forget();
            Ok(row("red"))
        });
        assert_eq!(across.unwrap(), row("red"));
        assert_eq!(memo.get(b"bat", || Ok(row("blue"))).unwrap(), row("blue"));
    }

    #[test]
    fn questions_that_differ_in_anything_are_different() {
        let memo = Memo::default();
        let rows = |n: u8| vec![(Bytes::copy_from_slice(&[n]), Bytes::new())];
        let questions: [(&[u8], &[u8], usize); 4] =
            [(b"a", b"b", 1), (b"a", b"b", 2), (b"ab", b"", 1), (b"", b"ab", 1)];
        for (n, question) in (0..).zip(questions) {
            assert_eq!(memo.scan(question, || Ok(rows(n))).unwrap(), rows(n));
        }
        for (n, question) in (0..).zip(questions) {
            assert_eq!(memo.scan(question, || Ok(Vec::new())).unwrap(), rows(n));
        }
        assert_eq!(memo.get(b"a", || Ok(None)).unwrap(), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let memo = Memo::default();
        for n in 0..20_000u32 {
            memo.get(&n.to_be_bytes(), || Ok(Some(Bytes::from(vec![7; 1_000])))).unwrap();
        }
        let kept: usize = memo.shards.iter().map(|shard| shard.read().bytes).sum();
        assert!(kept > 0 && kept <= SHARDS * SHARD_BYTES_MAX, "{kept}");
        let large = memo.get(b"large", || Ok(Some(Bytes::from(vec![7; ANSWER_BYTES_MAX])))).unwrap();
        assert_eq!(large.map(|row| row.len()), Some(ANSWER_BYTES_MAX));
        assert_eq!(memo.get(b"large", || Ok(None)).unwrap(), None);
    }
}

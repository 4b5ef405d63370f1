//! Whether a history of one item's stock could have happened one call after the other.
//!
//! The checker is that of Wing and Gong with Lowe's memory: it looks for an order of the calls that keeps to
//! real time and explains every answer. A call whose outcome is not known may have happened at any time
//! after it began, or never. Histories are of one item each, and short enough for that.

use std::collections::BTreeSet;

/// What was asked of the stock, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Pieces were taken.
    Take(i64),
    /// So many were asked for and refused: there were fewer.
    Short(i64),
    /// Pieces came in, or came back.
    Put(i64),
    /// So many could be had.
    Read(i64),
}

/// One call with its place in time: `ended` is `None` if nobody knows whether it happened.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub call: Call,
    pub began: u64,
    pub ended: Option<u64>,
}

/// Steps after which a history counts as too tangled to tell.
const STEPS_MAX: u64 = 4_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There is such an order.
    Legal,
    /// There is none; so many calls could be ordered at most.
    Illegal { ordered: usize },
    /// Too many orders to try.
    Undecided,
}

fn step(stock: i64, call: Call) -> Option<i64> {
    match call {
        Call::Take(pieces) => (stock >= pieces).then_some(stock - pieces),
        Call::Short(pieces) => (stock < pieces).then_some(stock),
        Call::Put(pieces) => Some(stock + pieces),
        Call::Read(seen) => (stock == seen).then_some(stock),
    }
}

/// Looks for an order of `events` that begins with `stock` pieces.
pub fn check(stock: i64, events: &[Event]) -> Verdict {
    let mut events = events.to_vec();
    events.sort_by_key(|event| event.began);
    let done = vec![false; events.len()];
    let mut search = Search { events, done, first: 0, tried: BTreeSet::new(), steps: 0, most: 0 };
    match search.run(stock) {
        Some(true) => Verdict::Legal,
        Some(false) => Verdict::Illegal { ordered: search.most },
        None => Verdict::Undecided,
    }
}

struct Search {
    /// By their beginnings.
    events: Vec<Event>,
    done: Vec<bool>,
    /// All before this one are done.
    first: usize,
    /// Which calls were ordered with which stock left, without a way on.
    tried: BTreeSet<(usize, Vec<u64>, i64)>,
    steps: u64,
    most: usize,
}

impl Search {
    /// Goes through orders without recursion: histories are longer than stacks are deep.
    fn run(&mut self, stock: i64) -> Option<bool> {
        let mut path: Vec<(usize, i64)> = Vec::new();
        let mut stock = stock;
        let mut from = 0;
        loop {
            if self.all_known_done() {
                return Some(true);
            }
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return None;
            }
            match self.next(from, stock) {
                Some((event, left)) => {
                    path.push((event, stock));
                    self.most = self.most.max(path.len());
                    stock = left;
                    from = 0;
                }
                None => {
                    let Some((event, before)) = path.pop() else { return Some(false) };
                    self.mark(event, false);
                    stock = before;
                    from = event + 1;
                }
            }
        }
    }

    fn all_known_done(&self) -> bool {
        let mut rest = self.events.iter().zip(&self.done).skip(self.first);
        rest.all(|(event, done)| *done || event.ended.is_none())
    }

    fn mark(&mut self, at: usize, done: bool) {
        self.done[at] = done;
        self.first = self.first.min(at);
        while self.done.get(self.first) == Some(&true) {
            self.first += 1;
        }
    }

    /// Orders the next call, from `from` on, that may come now; answers it and what it leaves.
    fn next(&mut self, from: usize, stock: i64) -> Option<(usize, i64)> {
        let end = self.reach();
        for at in from.max(self.first)..end {
            if self.done[at] {
                continue;
            }
            let Some(left) = step(stock, self.events[at].call) else { continue };
            self.mark(at, true);
            if self.tried.insert((self.first, self.bits(end), left)) {
                return Some((at, left));
            }
            self.mark(at, false);
        }
        None
    }

    /// Whatever comes next began before any open call ended; so did all that was ordered. Answers where these
    /// end, which is close to the first open one.
    fn reach(&self) -> usize {
        let (mut end, mut first_end) = (self.first, u64::MAX);
        while let Some(event) = self.events.get(end).filter(|event| event.began <= first_end) {
            if !self.done[end] {
                first_end = first_end.min(event.ended.unwrap_or(u64::MAX));
            }
            end += 1;
        }
        end
    }

    /// Which calls were ordered from the first open one on.
    fn bits(&self, end: usize) -> Vec<u64> {
        let word = |chunk: &[bool]| chunk.iter().rev().fold(0, |bits, done| bits << 1 | u64::from(*done));
        let mut words: Vec<u64> = self.done[self.first.min(end)..end].chunks(64).map(word).collect();
        words.truncate(words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Call::{Put, Read, Short, Take};

    fn event(call: Call, began: u64, ended: impl Into<Option<u64>>) -> Event {
        Event { call, began, ended: ended.into() }
    }

    #[track_caller]
    fn check_history(stock: i64, events: &[Event], legal: bool) {
        let verdict = check(stock, events);
        assert_eq!(verdict == Verdict::Legal, legal, "{verdict:?}");
    }

    #[test]
    fn histories() {
        check_history(1, &[event(Take(1), 1, 2), event(Read(0), 3, 4)], true);
        // A read after a sale shows the sale.
        check_history(1, &[event(Take(1), 1, 2), event(Read(1), 3, 4)], false);
        // While it is under way, either is right.
        check_history(1, &[event(Take(1), 1, 4), event(Read(1), 2, 3)], true);
        check_history(1, &[event(Take(1), 1, 4), event(Read(0), 2, 3)], true);
        // Two can't have the last one.
        check_history(1, &[event(Take(1), 1, 4), event(Take(1), 2, 3)], false);
        check_history(1, &[event(Take(1), 1, 4), event(Take(1), 2, 3), event(Put(1), 1, 4)], true);
        // What nobody knows of may have been, or not, but not before it began.
        check_history(2, &[event(Take(1), 1, None), event(Read(1), 2, 3)], true);
        check_history(2, &[event(Take(1), 1, None), event(Read(2), 2, 3)], true);
        check_history(2, &[event(Read(1), 1, 2), event(Take(1), 3, None)], false);
        // One read saw it, so a later one can't miss it.
        check_history(2, &[event(Take(1), 1, None), event(Read(1), 2, 3), event(Read(2), 4, 5)], false);
    }

    #[test]
    fn whoever_is_refused_though_there_is_enough_is_found() {
        check_history(2, &[event(Short(3), 1, 2)], true);
        check_history(2, &[event(Short(2), 1, 2)], false);
        // Sold before it began, sold meanwhile, sold only afterwards.
        check_history(1, &[event(Take(1), 1, 2), event(Short(1), 3, 4)], true);
        check_history(1, &[event(Take(1), 1, 4), event(Short(1), 2, 3)], true);
        check_history(1, &[event(Short(1), 1, 2), event(Take(1), 3, 4)], false);
        // What has come in can't be refused any more; what nobody knows of may have been sold.
        check_history(0, &[event(Put(1), 1, 2), event(Short(1), 3, 4)], false);
        check_history(0, &[event(Put(1), 1, 4), event(Short(1), 2, 3)], true);
        check_history(1, &[event(Take(1), 1, None), event(Short(1), 2, 3)], true);
        check_history(1, &[event(Take(1), 1, None), event(Short(1), 2, 3), event(Take(1), 4, 5)], false);
    }

    #[test]
    fn long_histories_of_calls_side_by_side_are_decided() {
        let mut events = Vec::new();
        for n in 0..5_000 {
            events.push(event(Take(1), n * 10, n * 10 + 25));
            events.push(event(Put(1), n * 10 + 1, n * 10 + 26));
        }
        assert_eq!(check(5, &events), Verdict::Legal);
    }
}

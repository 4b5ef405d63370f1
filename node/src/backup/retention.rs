//! What may be removed from an archive: a function of what is there and the time.
//!
//! Any position of the last 35 days can be restored: the newest backup before them stays, and all entries
//! after it, each in one object: smaller ones go when a larger one has all that is in them. Copies of the ledger
//! stay 7 days, pictures that no shop names 90. History and settings stay for ever, and so do the newest backup and
//! the newest one that was verified.

use super::names::Object;
use gearify_storage::BlobHash;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

const DAY_MS: i64 = 24 * 3_600_000;

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub positions_ms: i64,
    pub ledgers_ms: i64,
    pub nameless_ms: i64,
    /// A backup that has not been finished by then never will be.
    pub unfinished_ms: i64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            positions_ms: 35 * DAY_MS,
            ledgers_ms: 7 * DAY_MS,
            nameless_ms: 90 * DAY_MS,
            unfinished_ms: DAY_MS,
        }
    }
}

/// A group's backup: its entry, and its time.
type Of = (u64, i64);

/// The objects that nobody needs any more at `now_ms`, in the order in which they may be removed: a backup's
/// parts after its head, so that what is left at any moment is whole.
pub fn expired(inventory: &[Object], now_ms: i64, rules: &Rules) -> Vec<Object> {
    let mut backups: BTreeMap<u16, BTreeSet<Of>> = BTreeMap::new();
    let mut verified: BTreeMap<u16, BTreeSet<Of>> = BTreeMap::new();
    let mut ledgers: BTreeMap<u16, i64> = BTreeMap::new();
    for object in inventory {
        match object {
            Object::Backup { group, index, at_ms } => {
                backups.entry(*group).or_default().insert((*index, *at_ms));
            }
            Object::Verified { group, index, at_ms } => {
                verified.entry(*group).or_default().insert((*index, *at_ms));
            }
            Object::Ledger { group, at_ms, .. } => {
                let newest = ledgers.entry(*group).or_insert(*at_ms);
                *newest = (*newest).max(*at_ms);
            }
            _ => {}
        }
    }
    // What positions are restored from: the newest backup that is older than all of them.
    let base = |group: &u16| {
        let old = |of: &&Of| of.1 <= now_ms - rules.positions_ms;
        backups.get(group).and_then(|all| all.iter().rev().find(old)).copied()
    };
    let proven = |group: &u16| {
        let known = backups.get(group)?;
        verified.get(group)?.iter().rev().find(|of| known.contains(of)).copied()
    };
    let redundant = redundant(inventory);
    let is_long_ago = |since_ms: i64| since_ms <= now_ms - rules.nameless_ms;
    let nameless: BTreeSet<BlobHash> = inventory
        .iter()
        .filter_map(|object| match object {
            Object::Nameless { hash, since_ms } if is_long_ago(*since_ms) => Some(*hash),
            _ => None,
        })
        .collect();
    let is_old_backup =
        |group: &u16, of: Of| base(group).is_some_and(|base| of < base) && proven(group) != Some(of);
    let mut gone: Vec<Object> = inventory
        .iter()
        .filter(|object| match object {
            Object::Log { group, last, .. } => {
                base(group).is_some_and(|(index, _)| *last <= index) || redundant.contains(object)
            }
            Object::Backup { group, index, at_ms } | Object::Verified { group, index, at_ms } => {
                is_old_backup(group, (*index, *at_ms))
            }
            Object::Part { group, index, at_ms, .. } => {
                let is_whole = backups.get(group).is_some_and(|all| all.contains(&(*index, *at_ms)));
                match is_whole {
                    true => is_old_backup(group, (*index, *at_ms)),
                    false => *at_ms <= now_ms - rules.unfinished_ms,
                }
            }
            Object::Ledger { group, at_ms, .. } => {
                *at_ms <= now_ms - rules.ledgers_ms && ledgers.get(group) != Some(at_ms)
            }
            Object::Blob { hash } => nameless.contains(hash),
            Object::Nameless { since_ms, .. } => is_long_ago(*since_ms),
            Object::Events { .. } | Object::Settings { .. } => false,
        })
        .cloned()
        .collect();
    gone.sort_by_key(|object| {
        (matches!(object, Object::Part { .. } | Object::Nameless { .. }), object.clone())
    });
    gone
}

/// Objects whose entries are all in one other.
fn redundant(inventory: &[Object]) -> BTreeSet<&Object> {
    let mut logs: Vec<(u16, u64, Reverse<u64>, &Object)> = inventory
        .iter()
        .filter_map(|object| match object {
            Object::Log { group, first, last, .. } => Some((*group, *first, Reverse(*last), object)),
            _ => None,
        })
        .collect();
    // Whatever may hold an object's entries comes before it.
    logs.sort();
    let mut reached: BTreeMap<u16, u64> = BTreeMap::new();
    let is_held = |(group, _, Reverse(last), object)| {
        let is_held = reached.get(&group).is_some_and(|reached| last <= *reached);
        if !is_held {
            reached.insert(group, last);
        }
        is_held.then_some(object)
    };
    logs.into_iter().filter_map(is_held).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Until, plan};
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const NOW: i64 = 1_000 * DAY_MS;

    fn backup(days_ago: i64, index: u64) -> Object {
        Object::Backup { group: 16, index, at_ms: NOW - days_ago * DAY_MS }
    }

    fn part(days_ago: i64, index: u64) -> Object {
        Object::Part { group: 16, index, at_ms: NOW - days_ago * DAY_MS, part: 0 }
    }

    fn verified(days_ago: i64, index: u64) -> Object {
        Object::Verified { group: 16, index, at_ms: NOW - days_ago * DAY_MS }
    }

    fn log(first: u64, last: u64) -> Object {
        Object::Log { group: 16, first, last, from_ms: 1, until_ms: 2 }
    }

    fn ledger(days_ago: i64) -> Object {
        Object::Ledger { group: 16, at_ms: NOW - days_ago * DAY_MS, part: 0 }
    }

    #[track_caller]
    fn check(what: &str, there: &[Object], gone: &[Object]) {
        assert_eq!(expired(there, NOW, &Rules::default()), gone, "{what}");
    }

    #[test]
    fn what_goes_and_what_stays() {
        let hash = BlobHash::of(b"bat");
        let blob = Object::Blob { hash };
        let nameless = |days: i64| Object::Nameless { hash, since_ms: NOW - days * DAY_MS };
        let events = Object::Events { group: 16, first: 1, last: 2 };
        let settings = Object::Settings { at_ms: 1, hash };
        check("nothing is nothing", &[], &[]);
        check("a single backup stays, however old", &[backup(400, 9), part(400, 9), log(1, 9)], &[log(1, 9)]);
        check(
            "entries since the last backup before 35 days stay",
            &[log(1, 5), log(6, 12), backup(40, 5), part(40, 5), backup(30, 12), part(30, 12)],
            &[log(1, 5)],
        );
        check(
            "a backup of exactly 35 days is what the oldest positions are restored from",
            &[backup(36, 5), part(36, 5), backup(35, 9), part(35, 9), log(4, 9), log(9, 10)],
            &[log(4, 9), backup(36, 5), part(36, 5)],
        );
        check(
            "one backup before them is enough",
            &[backup(60, 5), part(60, 5), verified(60, 5), backup(50, 7), backup(40, 9), verified(40, 9)],
            &[backup(60, 5), backup(50, 7), verified(60, 5), part(60, 5)],
        );
        check(
            "the last verified stays though it is older",
            &[backup(60, 5), part(60, 5), verified(60, 5), backup(50, 7), part(50, 7), backup(40, 9)],
            &[backup(50, 7), part(50, 7)],
        );
        check(
            "a mark without its backup proves nothing",
            &[backup(60, 5), backup(40, 9), verified(50, 7), verified(60, 5)],
            &[verified(50, 7)],
        );
        check("a backup in the making is left alone", &[part(0, 9)], &[]);
        check("one that was broken off goes after a day", &[part(1, 9), backup(0, 10)], &[part(1, 9)]);
        check("daily copies of the ledger stay a week", &[ledger(7), ledger(6), ledger(0)], &[ledger(7)]);
        check("the last copy of the ledger stays", &[ledger(9), ledger(8)], &[ledger(9)]);
        check("a picture that is named stays", std::slice::from_ref(&blob), &[]);
        check("one that was named 89 days ago stays", &[blob.clone(), nameless(89)], &[]);
        check(
            "one of 90 days goes, and its mark after it",
            &[blob.clone(), nameless(90)],
            &[blob, nameless(90)],
        );
        check("history and settings stay for ever", &[events, settings], &[]);
        check(
            "what a larger object has goes",
            &[log(1, 1), log(1, 9), log(2, 4), log(4, 9), log(9, 10), log(10, 10)],
            &[log(1, 1), log(2, 4), log(4, 9), log(10, 10)],
        );
        let other = Object::Backup { group: 1, index: 3, at_ms: NOW - 60 * DAY_MS };
        check("groups do not stand in for each other", &[other, backup(40, 9)], &[]);
    }

    fn object() -> impl Strategy<Value = Object> {
        prop_oneof![
            (0..80i64, 0..40u64).prop_map(|(days, index)| backup(days, index)),
            (0..80i64, 0..40u64).prop_map(|(days, index)| verified(days, index)),
            (0..40u64, 0..10u64).prop_map(|(first, more)| log(first, first + more)),
            (0..20i64).prop_map(ledger),
        ]
    }

    proptest! {
        #[test]
        fn what_the_last_35_days_are_restored_from_never_goes(mut there in vec(object(), 0..40)) {
            there.sort();
            there.dedup();
            let gone = expired(&there, NOW, &Rules::default());
            let left: Vec<&Object> = there.iter().filter(|object| !gone.contains(object)).collect();
            let backups = |of: &[&Object]| -> BTreeSet<Of> {
                of.iter().filter_map(|object| match object {
                    Object::Backup { index, at_ms, .. } => Some((*index, *at_ms)),
                    _ => None,
                }).collect()
            };
            let (all, kept) = (backups(&there.iter().collect::<Vec<_>>()), backups(&left));
            prop_assert_eq!(all.last(), kept.last(), "the newest stays");
            let start = kept.iter().rev().find(|of| of.1 <= NOW - 35 * DAY_MS);
            for object in &gone {
                if let Object::Backup { index, at_ms, .. } = object {
                    prop_assert!(start.is_some_and(|start| (*index, *at_ms) < *start));
                }
            }
            // Whatever could be restored of those days still can.
            let remaining: Vec<Object> = left.iter().map(|object| (*object).clone()).collect();
            for index in start.map_or(0, |start| start.0)..60 {
                let could = plan(&there, 16, Until::Index(index)).is_ok();
                prop_assert_eq!(could, plan(&remaining, 16, Until::Index(index)).is_ok(), "entry {}", index);
            }
            let proven = |of: &BTreeSet<Of>| there.iter().filter_map(|object| match object {
                Object::Verified { index, at_ms, .. } => Some((*index, *at_ms)).filter(|mark| of.contains(mark)),
                _ => None,
            }).max();
            prop_assert_eq!(proven(&all), proven(&kept), "the newest verified stays");
            // Asked again, there is nothing more to remove.
            let left: Vec<Object> = left.into_iter().cloned().collect();
            prop_assert_eq!(expired(&left, NOW, &Rules::default()), []);
        }
    }
}

//! What an archive holds, and the name of each object. A name says what retention and a restore's plan need,
//! so that listing an archive is knowing it. Numbers are padded: byte order is their order.

use gearify_storage::BlobHash;

/// Object of an archive, below the name of its cluster. Groups go by their numbers in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// Entries `first` to `last` of a group, of these times.
    Log { group: u16, first: u64, last: u64, from_ms: i64, until_ms: i64 },
    /// The events of entries `first` to `last`.
    Events { group: u16, first: u64, last: u64 },
    /// A piece of a group's state as of an entry. The time is that of the backup: not before any entry in it.
    Part { group: u16, index: u64, at_ms: i64, part: u32 },
    /// What a whole backup of a group consists of; written last.
    Backup { group: u16, index: u64, at_ms: i64 },
    /// That backup was restored once, and found right.
    Verified { group: u16, index: u64, at_ms: i64 },
    /// A picture.
    Blob { hash: BlobHash },
    /// Since when no shop names that picture.
    Nameless { hash: BlobHash, since_ms: i64 },
    /// A copy of the settings that a node ran with, named by their hash.
    Settings { at_ms: i64, hash: BlobHash },
    /// A piece of a copy of the ledger.
    Ledger { group: u16, at_ms: i64, part: u32 },
}

impl Object {
    /// `log/00016/…`.
    pub fn name(&self) -> String {
        match self {
            Object::Log { group, first, last, from_ms, until_ms } => {
                format!("{}/{first:020}-{last:020}-{from_ms:015}-{until_ms:015}", Object::logs_of(*group))
            }
            Object::Events { group, first, last } => {
                format!("{}/{first:020}-{last:020}", Object::events_of(*group))
            }
            Object::Part { group, index, at_ms, part } => {
                format!("part/{group:05}/{index:020}-{at_ms:015}/{part:06}")
            }
            Object::Backup { group, index, at_ms } => {
                format!("{}/{index:020}-{at_ms:015}", Object::backups_of(*group))
            }
            Object::Verified { group, index, at_ms } => {
                format!("verified/{group:05}/{index:020}-{at_ms:015}")
            }
            Object::Blob { hash } => format!("blob/{hash}"),
            Object::Nameless { hash, since_ms } => format!("nameless/{hash}-{since_ms:015}"),
            Object::Settings { at_ms, hash } => format!("settings/{at_ms:015}-{hash}"),
            Object::Ledger { group, at_ms, part } => {
                format!("{}/{at_ms:015}/{part:06}", Object::ledgers_of(*group))
            }
        }
    }

    /// Where a group's entries are.
    pub fn logs_of(group: u16) -> String {
        format!("log/{group:05}")
    }

    pub fn events_of(group: u16) -> String {
        format!("events/{group:05}")
    }

    pub fn backups_of(group: u16) -> String {
        format!("backup/{group:05}")
    }

    pub fn ledgers_of(group: u16) -> String {
        format!("ledger/{group:05}")
    }

    /// Reads what [`Object::name`] wrote, and nothing else.
    pub fn parse(name: &str) -> Option<Object> {
        let (kind, rest) = name.split_once('/')?;
        let object = match kind {
            "log" => {
                let (group, rest) = rest.split_once('/')?;
                let [first, last, from, until] = fields(rest)?;
                Object::Log {
                    group: group.parse().ok()?,
                    first: first.parse().ok()?,
                    last: last.parse().ok()?,
                    from_ms: from.parse().ok()?,
                    until_ms: until.parse().ok()?,
                }
            }
            "events" => {
                let (group, rest) = rest.split_once('/')?;
                let [first, last] = fields(rest)?;
                Object::Events {
                    group: group.parse().ok()?,
                    first: first.parse().ok()?,
                    last: last.parse().ok()?,
                }
            }
            "part" => {
                let (of, part) = rest.rsplit_once('/')?;
                let (group, index, at_ms) = backup(of)?;
                Object::Part { group, index, at_ms, part: part.parse().ok()? }
            }
            "backup" => {
                let (group, index, at_ms) = backup(rest)?;
                Object::Backup { group, index, at_ms }
            }
            "verified" => {
                let (group, index, at_ms) = backup(rest)?;
                Object::Verified { group, index, at_ms }
            }
            "blob" => Object::Blob { hash: rest.parse().ok()? },
            "nameless" => {
                let [hash, since] = fields(rest)?;
                Object::Nameless { hash: hash.parse().ok()?, since_ms: since.parse().ok()? }
            }
            "settings" => {
                let [at, hash] = fields(rest)?;
                Object::Settings { at_ms: at.parse().ok()?, hash: hash.parse().ok()? }
            }
            "ledger" => {
                let (of, part) = rest.rsplit_once('/')?;
                let (group, at) = of.split_once('/')?;
                Object::Ledger {
                    group: group.parse().ok()?,
                    at_ms: at.parse().ok()?,
                    part: part.parse().ok()?,
                }
            }
            _ => return None,
        };
        (object.name() == name).then_some(object)
    }
}

fn backup(text: &str) -> Option<(u16, u64, i64)> {
    let (group, rest) = text.split_once('/')?;
    let [index, at] = fields(rest)?;
    Some((group.parse().ok()?, index.parse().ok()?, at.parse().ok()?))
}

fn fields<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('-').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_has_one_spelling() {
        let hash = BlobHash::of(b"a cover drive");
        let objects = [
            Object::Log { group: 16, first: 0, last: 7, from_ms: 0, until_ms: 1_777_593_600_000 },
            Object::Events { group: 1, first: 1, last: u64::MAX },
            Object::Part { group: 2, index: 9, at_ms: 5, part: 3 },
            Object::Backup { group: 2, index: 9, at_ms: 5 },
            Object::Verified { group: 2, index: 9, at_ms: 5 },
            Object::Blob { hash },
            Object::Nameless { hash, since_ms: 4 },
            Object::Settings { at_ms: 4, hash },
            Object::Ledger { group: 16, at_ms: 4, part: 0 },
        ];
        for object in objects {
            let name = object.name();
            assert_eq!(Object::parse(&name), Some(object), "{name}");
            let group_unpadded = name.replacen("/000", "/", 1);
            assert!(group_unpadded == name || Object::parse(&group_unpadded).is_none(), "{group_unpadded}");
        }
        for other in ["", "log", "log/1/2", "blob/ab", "blob/../../etc/passwd", "part/1/2/3", "elsewhere/1"] {
            assert_eq!(Object::parse(other), None, "{other}");
        }
    }

    #[test]
    fn names_sort_as_their_numbers_do() {
        let log = |first| Object::Log { group: 16, first, last: first, from_ms: 1, until_ms: 1 };
        assert!(log(9).name() < log(10).name() && log(99).name() < log(1_000).name());
    }
}

//! What a restore takes from an archive: a function of what is there and the moment asked for.

use super::names::Object;

/// Up to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The last entry that is archived.
    Newest,
    /// The last entry of this time or before.
    Time(i64),
    /// This entry.
    Index(u64),
}

/// The way to a group's state: a backup, or nothing, and the entries after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `None`: from the first entry on.
    pub base: Option<Object>,
    /// In order, without gaps; the last may hold more than is asked for.
    pub logs: Vec<Object>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("the archive has nothing of the group from before that moment")]
    TooEarly,
    #[error("entry {missing} is not in the archive")]
    Gap { missing: u64 },
    #[error("the archive ends with entry {last}")]
    TooLate { last: u64 },
}

/// The way for one group.
pub fn plan(inventory: &[Object], group: u16, until: Until) -> Result<Way, PlanError> {
    let fits = |index: u64, at_ms: i64| match until {
        Until::Newest => true,
        Until::Time(time) => at_ms <= time,
        Until::Index(wanted) => index <= wanted,
    };
    let backups = inventory.iter().filter_map(|object| match object {
        Object::Backup { group: of, index, at_ms } if *of == group && fits(*index, *at_ms) => {
            Some((*index, object))
        }
        _ => None,
    });
    let base = backups.max_by_key(|(index, object)| (*index, (*object).clone()));
    let first = base.as_ref().map_or(0, |(index, _)| index + 1);
    let mut logs: Vec<&Object> = inventory
        .iter()
        .filter(|object| matches!(object, Object::Log { group: of, .. } if *of == group))
        .collect();
    logs.sort();
    let mut way = Way { base: base.map(|(_, object)| object.clone()), logs: Vec::new() };
    let mut next = first;
    for object in logs {
        let Object::Log { first, last, from_ms, .. } = object else { continue };
        let is_asked_for = match until {
            Until::Newest => true,
            Until::Time(time) => *from_ms <= time,
            Until::Index(wanted) => next <= wanted,
        };
        if *last < next || !is_asked_for {
            continue;
        }
        if *first > next {
            // Whoever asks for the newest gets it as far as it is whole.
            return match until {
                Until::Newest if way.base.is_some() || !way.logs.is_empty() => Ok(way),
                _ => Err(PlanError::Gap { missing: next }),
            };
        }
        way.logs.push(object.clone());
        next = last + 1;
    }
    if way.base.is_none() && way.logs.is_empty() {
        return Err(PlanError::TooEarly);
    }
    match until {
        Until::Index(wanted) if next <= wanted => Err(PlanError::TooLate { last: next - 1 }),
        _ => Ok(way),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(first: u64, last: u64, from_ms: i64) -> Object {
        Object::Log { group: 16, first, last, from_ms, until_ms: from_ms + 9 }
    }

    fn backup(index: u64, at_ms: i64) -> Object {
        Object::Backup { group: 16, index, at_ms }
    }

    #[track_caller]
    fn check(there: &[Object], until: Until, way: Result<(Option<u64>, &[u64]), PlanError>) {
        let found = plan(there, 16, until).map(|way| {
            let base = way.base.map(|base| match base {
                Object::Backup { index, .. } => index,
                other => panic!("{other:?} is no backup"),
            });
            let logs: Vec<u64> = way
                .logs
                .iter()
                .map(|log| match log {
                    Object::Log { first, .. } => *first,
                    other => panic!("{other:?} is no log"),
                })
                .collect();
            (base, logs)
        });
        assert_eq!(found, way.map(|(base, logs)| (base, logs.to_vec())));
    }

    #[test]
    fn ways() {
        let there = [
            log(0, 9, 0),
            log(10, 19, 10),
            backup(14, 15),
            log(15, 24, 20),
            log(20, 29, 21),
            backup(27, 27),
            log(30, 39, 30),
        ];
        check(&there, Until::Newest, Ok((Some(27), &[20, 30])));
        check(&there, Until::Index(39), Ok((Some(27), &[20, 30])));
        check(&there, Until::Index(27), Ok((Some(27), &[])));
        check(&there, Until::Index(26), Ok((Some(14), &[10, 15, 20])));
        check(&there, Until::Index(13), Ok((None, &[0, 10])));
        check(&there, Until::Index(0), Ok((None, &[0])));
        check(&there, Until::Index(40), Err(PlanError::TooLate { last: 39 }));
        check(&there, Until::Time(29), Ok((Some(27), &[20])));
        check(&there, Until::Time(26), Ok((Some(14), &[10, 15, 20])));
        check(&there, Until::Time(-1), Err(PlanError::TooEarly));
        check(&[], Until::Newest, Err(PlanError::TooEarly));
        let gap = [log(0, 9, 0), backup(14, 15), log(15, 19, 16), log(25, 29, 25)];
        check(&gap, Until::Index(12), Err(PlanError::Gap { missing: 10 }));
        check(&gap, Until::Index(27), Err(PlanError::Gap { missing: 20 }));
        check(&gap, Until::Newest, Ok((Some(14), &[15])));
        check(&[log(10, 19, 10)], Until::Newest, Err(PlanError::Gap { missing: 0 }));
    }
}

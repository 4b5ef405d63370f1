//! Which version of the rules a group follows.
//!
//! Nodes of a group may run different programs while they are replaced one by one. All of them must make
//! the same state of the same entries, so what a program does differently than the one before waits behind a
//! number: the group's state version, a row of the state itself, raised by an entry once every node that
//! applies the group's log knows it. Rules ask [`crate::Scope::follows`]; records that changed shape name the
//! number in `Record::SINCE`.
//!
//! | version | since then |
//! |---|---|
//! | 1 | the first |
//! | 2 | events name the command that caused them |
//! | 3 | a region's sites are divided over shards |
//! | 4 | sites arrive from elsewhere and move between shards, and erasures are told again |
//! | 5 | carts are abandoned by the shop's own measure, once and with consent |
//! | 6 | money beyond an order's total goes back, pieces go back where they left, a transfer has its time |
//! | 7 | the cluster's roster follows a version too; snapshots name the closed files of the history |
//! | 8 | orders have papers, sealed reasons, moving allocations; events tell more; guests consent; shards are wide |
//! | 9 | whoever closes a shop says why |
//! | 10 | searches that find nothing are counted |
//!
//! The roster of the cluster counts its rules by the same numbers, so that a program knows them up to one.

use crate::actor::Actor;
use crate::command::{CommandId, GroupKind, Keep, Reply, Stamped};
use crate::ids::TenantId;
use crate::scope::{Count, ReadScope, Scope, Site, Table};
use crate::time::Timestamp;
use gearify_storage::Reader;
use serde::{Deserialize, Serialize};

/// A version of the state machine. Later ones are greater.
pub type StateVersion = u32;

/// That of a group of which nothing was ever said.
pub const FIRST: StateVersion = 1;
/// Events name the command that caused them.
pub const CAUSES: StateVersion = 2;
/// A region's sites may be divided over shards: commands that older programs can't read.
pub const SHARDS: StateVersion = 3;
/// A site's bundle may arrive, and sites move between shards: commands that older programs can't read.
pub const BUNDLES: StateVersion = 4;
/// A contact comes with the shop's idle time: a command that older programs can't read. Carts are abandoned once,
/// and only with consent.
pub const IDLE: StateVersion = 5;
/// Money beyond an order's total and pieces that were sent go back to where they came from, and a transfer that
/// was chosen later has its time: a command that older programs can't read.
pub const RETURNS: StateVersion = 6;
/// The roster of the cluster has a version, and snapshots name the closed files of the history: a shape of it,
/// and heads, that older programs can't read.
pub const ROSTER: StateVersion = 7;
/// Orders know who sells them and have numbered papers, reasons are sealed, allocations move, refunds come from several
/// payments, guests' orders belong to verified accounts, products tell that they are gone: commands and rows that older
/// programs can't read. Events tell the revision of what they are about: a shape that they can't read either.
pub const PAPERS: StateVersion = 8;
/// A region says how many voters its shards have: commands, and a shape of the roster, that older programs can't
/// read.
pub const WIDE: StateVersion = 8;
/// Guests say at the checkout whether they wish to be written to, and staff keep views of lists: commands that older
/// programs can't read.
pub const GUESTS: StateVersion = 8;
/// Whoever closes a shop says why: a command and an event that older programs can't read.
pub const SUSPENSIONS: StateVersion = 9;
/// Searches that find nothing are counted: a command that older programs can't read.
pub const SEARCHES: StateVersion = 10;
/// The newest that this program knows. It knows every older one.
pub const NEWEST: StateVersion = 10;

/// Lives under the platform's scope.
pub(crate) const VERSION: Table<(), Count> = Table::new(9);

/// The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// From the next command of this group on, its rules are those of version `to`.
    Raise { group: GroupKind, to: StateVersion },
}

impl Command {
    pub fn group(&self) -> GroupKind {
        let Command::Raise { group, .. } = self;
        *group
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("the state version is {current} already")]
    Reached { current: StateVersion },
}

/// The version of a group's state.
pub fn of(reader: &dyn Reader) -> StateVersion {
    let view = ReadScope::new(reader, TenantId::PLATFORM, Site::NONE);
    VERSION.get(&view, &()).map_or(FIRST, |count| count.0 as StateVersion)
}

/// The entry that raises a group's version.
pub fn raise(group: GroupKind, to: StateVersion, at: Timestamp) -> Stamped {
    Stamped {
        // Asked twice, it is refused the second time, and nobody waits for that answer.
        id: CommandId([0; 16]),
        keep: Keep::Nothing,
        request: [0; 16],
        tenant: TenantId::PLATFORM,
        site: Site::NONE,
        actor: Actor::System,
        at,
        seed: 0,
        command: Command::Raise { group, to }.into(),
    }
}

pub(crate) fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::Raise { to, .. } = command;
    let current = VERSION.get(scope, &()).map_or(FIRST, |count| count.0 as StateVersion);
    if *to <= current {
        return Err(Refusal::Reached { current });
    }
    VERSION.put(scope, &(), &Count(u64::from(*to)));
    scope.raise_version(*to);
    Ok(Reply::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command;
    use crate::event::Envelope;
    use gearify_storage::{Engine, MemoryEngine, Tx, decode, encode_at};

    fn applied(engine: &MemoryEngine, stamped: &Stamped) -> (command::Outcome, StateVersion) {
        let mut tx = Tx::at_version(engine, of(engine));
        let outcome = command::apply(&mut tx, stamped, &mut Vec::new());
        let follows = tx.state_version();
        engine.commit(tx.into_batch().unwrap()).unwrap();
        (outcome, follows)
    }

    #[test]
    fn a_version_is_raised_once_and_never_lowered() {
        let engine = MemoryEngine::default();
        assert_eq!(of(&engine), FIRST);
        let raise = |to| raise(GroupKind::Region, to, Timestamp::from_millis(1));
        let (outcome, follows) = applied(&engine, &raise(2));
        assert!(outcome.result.is_ok());
        assert_eq!((of(&engine), follows), (2, 2));
        for to in [0, 1, 2] {
            let (outcome, follows) = applied(&engine, &raise(to));
            assert_eq!(outcome.result, Err(Refusal::Reached { current: 2 }.into()));
            assert_eq!((of(&engine), follows), (2, 2));
        }
    }

    #[test]
    fn an_event_names_its_cause_once_all_nodes_know_that_it_may() {
        let cause = Some(CommandId([7; 16]));
        let envelope = Envelope { cause, subject_version: Some(3), ..crate::harness::any_event() };
        let read = |version| {
            let bytes = encode_at(&envelope, version);
            (bytes[0], decode::<Envelope>(&bytes).unwrap())
        };
        assert_eq!(read(PAPERS), (3, envelope.clone()));
        // A program before reads the shape that it knows.
        let untold = Envelope { subject_version: None, ..envelope.clone() };
        assert_eq!(read(CAUSES), (2, untold.clone()));
        assert_eq!(read(FIRST), (1, Envelope { cause: None, ..untold }));
    }
}

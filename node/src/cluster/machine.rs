//! The state machine of the cluster group: the roster, in memory.
//!
//! It starts empty each time and is filled from snapshot and log, which is quick: the roster is small and
//! seldom changes. What a newer program wrote ends the node with a line that says so, as in the shops' groups.

use super::roster::{Answer, Command, Entry, Roster};
use bytes::Bytes;
use gearify_commerce::{StateVersion, version};
use gearify_replication::{Applied, CommittedEntry, Machine, MachineError, SnapshotSource};
use gearify_storage::{CodecError, decode, encode, encode_at};
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::sync::watch;

/// The newest roster, for everybody else.
pub type RosterView = watch::Receiver<Arc<Roster>>;

pub struct RosterMachine {
    roster: Roster,
    applied: Applied,
    publish: watch::Sender<Arc<Roster>>,
    /// The newest version of the rules that this program knows.
    newest: StateVersion,
}

/// What the program is too old for, or what is damaged.
#[derive(Debug, thiserror::Error)]
enum RosterError {
    #[error(
        "this version of gearify is too old for the cluster: entry {index} of the roster holds a command that it \
         can't read ({reason}); start the version that wrote it, or a newer one"
    )]
    UnknownCommand { index: u64, reason: CodecError },
    #[error(
        "this version of gearify is too old for the cluster: the roster has version {version}, and it knows those \
         up to {newest}; start the version that raised it, or a newer one"
    )]
    Newer { version: StateVersion, newest: StateVersion },
    #[error(
        "this version of gearify is too old for the cluster: it can't read a snapshot of the roster ({0}); start \
         the version that wrote it, or a newer one"
    )]
    UnknownShape(CodecError),
    #[error("a snapshot of the roster is damaged: {0}")]
    Damaged(CodecError),
}

impl RosterMachine {
    /// A machine that knows the rules up to version `newest`.
    pub fn new(newest: StateVersion) -> (RosterMachine, RosterView) {
        let (publish, view) = watch::channel(Arc::default());
        (RosterMachine { roster: Roster::default(), applied: Applied::default(), publish, newest }, view)
    }

    fn require_known(&self, version: StateVersion) -> Result<(), RosterError> {
        let newest = self.newest;
        if version <= newest { Ok(()) } else { Err(RosterError::Newer { version, newest }) }
    }

    fn apply_one(&mut self, index: u64, command: &[u8]) -> Result<Answer, RosterError> {
        let entry: Entry = decode(command).map_err(|reason| RosterError::UnknownCommand { index, reason })?;
        if let Command::Raise { to } = entry.command {
            self.require_known(to)?;
        }
        let before = self.roster.version;
        let outcome = self.roster.apply(&entry);
        if self.roster.version > before.max(version::FIRST) {
            tracing::info!(from = before, to = self.roster.version, "the roster's version is raised");
        }
        Ok(Answer(outcome))
    }

    fn read(&self, content: &[u8]) -> Result<Roster, RosterError> {
        let roster: Roster = decode(content).map_err(|error| match error {
            CodecError::UnknownVersion { .. } => RosterError::UnknownShape(error),
            CodecError::Empty | CodecError::Damaged { .. } => RosterError::Damaged(error),
        })?;
        self.require_known(roster.version)?;
        Ok(roster)
    }

    fn publish(&self) {
        self.publish.send_if_modified(|published| {
            let is_new = **published != self.roster;
            if is_new {
                *published = Arc::new(self.roster.clone());
            }
            is_new
        });
    }
}

impl Machine for RosterMachine {
    fn apply(
        &mut self,
        entries: &[CommittedEntry],
        after: &Applied,
    ) -> Result<Vec<Vec<Bytes>>, MachineError> {
        let mut replies = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut answers = Vec::with_capacity(entry.commands.len());
            for command in &entry.commands {
                let answer = self.apply_one(entry.position.index, command).map_err(MachineError::new)?;
                answers.push(encode(&answer).into());
            }
            replies.push(answers);
        }
        self.applied = after.clone();
        self.publish();
        Ok(replies)
    }

    fn applied(&self) -> Result<Applied, MachineError> {
        Ok(self.applied.clone())
    }

    fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(encode_at(&self.roster, self.roster.version))))
    }

    fn install(&mut self, after: &Applied, content: &mut dyn Read) -> Result<(), MachineError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(MachineError::new)?;
        self.roster = self.read(&bytes).map_err(MachineError::new)?;
        self.applied = after.clone();
        self.publish();
        Ok(())
    }
}

struct Frozen(Vec<u8>);

impl SnapshotSource for Frozen {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        out.write_all(&self.0).map_err(MachineError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::{Founding, NodeRecord, NodeState, Reply, TokenRecord};
    use super::*;
    use gearify_replication::{LogPosition, NodeId};
    use gearify_storage::Record;

    const BEFORE: StateVersion = version::NEWEST - 1;

    fn founding() -> Command {
        Command::Found(Box::new(Founding {
            cluster: "acme".into(),
            authority: vec![1],
            authority_key: vec![2],
            master_key: "f".into(),
            node: 1,
            record: NodeRecord {
                region: "home".into(),
                address: "192.0.2.1:7400".into(),
                public_key: [1; 32],
                state: NodeState::Active,
            },
            token: [1; 8],
            token_record: TokenRecord { secret_hash: [1; 32], expires_ms: 1, used_by: None },
        }))
    }

    fn after(index: u64) -> Applied {
        Applied { position: Some(LogPosition { term: 1, leader: NodeId(1), index }), membership: None }
    }

    fn apply_bytes(machine: &mut RosterMachine, index: u64, command: Vec<u8>) -> Result<Answer, String> {
        let after = after(index);
        let position = after.position.expect("it was given");
        let entry = CommittedEntry { position, commands: vec![command.into()] };
        let replies = machine.apply(&[entry], &after).map_err(|error| error.to_string())?;
        Ok(decode(&replies[0][0]).expect("an answer can be read"))
    }

    fn apply(machine: &mut RosterMachine, index: u64, command: Command) -> Result<Answer, String> {
        apply_bytes(machine, index, encode(&Entry { at_ms: 0, command }))
    }

    fn snapshot(machine: &mut RosterMachine) -> Vec<u8> {
        let mut content = Vec::new();
        machine.snapshot().unwrap().write_to(&mut content).unwrap();
        content
    }

    fn too_old(refused: Result<impl std::fmt::Debug, String>) -> String {
        let line = refused.unwrap_err();
        assert!(line.contains("this version of gearify is too old for the cluster: "), "{line}");
        assert!(line.ends_with("or a newer one") && !line.contains('\n'), "one clear line: {line}");
        line
    }

    #[test]
    fn a_program_older_than_the_roster_ends_with_a_clear_line() {
        let (mut old, _) = RosterMachine::new(BEFORE);
        let (mut new, view) = RosterMachine::new(version::NEWEST);
        for machine in [&mut old, &mut new] {
            assert_eq!(apply(machine, 1, founding()), Ok(Answer(Ok(Reply::Done))));
        }
        let raise = Command::Raise { to: version::NEWEST };
        let why = format!("the roster has version {}, and it knows those up to {BEFORE}", version::NEWEST);
        assert!(too_old(apply(&mut old, 2, raise.clone())).contains(&why));
        assert_eq!(apply(&mut new, 2, raise), Ok(Answer(Ok(Reply::Done))));
        assert_eq!(view.borrow().version, version::NEWEST);
        let (mut joined, _) = RosterMachine::new(BEFORE);
        let installed = joined.install(&after(2), &mut &snapshot(&mut new)[..]);
        assert!(too_old(installed.map_err(|error| error.to_string())).contains(&why));
    }

    #[test]
    fn a_command_or_a_shape_that_only_newer_programs_write_ends_with_a_clear_line() {
        let (mut machine, _) = RosterMachine::new(version::NEWEST);
        // As if another command had been appended.
        let (command, mut unknown) = (Command::Raise { to: 0 }, vec![Entry::VERSION, 0]);
        unknown.push(encode(&Entry { at_ms: 0, command })[2] + 1);
        assert!(too_old(apply_bytes(&mut machine, 7, unknown)).contains("entry 7 of the roster"));
        let newer = machine.install(&after(8), &mut &[Roster::VERSION + 1, 0][..]);
        too_old(newer.map_err(|error| error.to_string()));
        let damaged = machine.install(&after(8), &mut &[Roster::VERSION, 0][..]).unwrap_err().to_string();
        assert!(damaged.contains("is damaged"), "{damaged}");
    }

    #[test]
    fn until_the_version_is_raised_a_program_before_can_read_snapshots() {
        let (mut new, _) = RosterMachine::new(version::NEWEST);
        apply(&mut new, 1, founding()).unwrap();
        let content = snapshot(&mut new);
        assert_eq!(content[0], <<Roster as Record>::Previous as Record>::Previous::VERSION);
        let (mut old, view) = RosterMachine::new(BEFORE);
        old.install(&after(1), &mut &content[..]).unwrap();
        assert_eq!(view.borrow().cluster, "acme");
    }
}

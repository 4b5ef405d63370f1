//! Committed entries as a stream, for observers on this node and beyond it.

use crate::frames::{self, FrameError};
use crate::log_store::LogStore;
use crate::position::LogPosition;
use crate::types::{self, Entry, StoredMembership};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use openraft::EntryPayload;
use std::collections::VecDeque;
use tokio::sync::watch;

/// Bytes of entries read ahead of the follower.
const READ_BYTES_MAX: usize = 1 << 20;

/// One committed entry. Those of the group itself carry no commands, but keep the numbers gapless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedEntry {
    pub position: LogPosition,
    pub commands: Vec<Bytes>,
    /// The group's members from here on, opaque, where the entry changed them.
    pub membership: Option<Bytes>,
}

impl FollowedEntry {
    pub(crate) fn of(entry: &Entry) -> Result<FollowedEntry, FrameError> {
        let membership = match &entry.payload {
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                Some(frames::encode_stored_membership(&stored))
            }
            EntryPayload::Normal(_) | EntryPayload::Blank => None,
        };
        let commands = frames::commands_of(entry)?;
        Ok(FollowedEntry { position: types::position(&entry.log_id), commands, membership })
    }
}

/// Why a stream of entries ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("the entries before {first} are no longer in the log")]
    Purged { first: u64 },
    #[error("the log could not be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("the group has stopped")]
    Stopped,
}

struct Following {
    log: LogStore,
    applied: watch::Receiver<u64>,
    next: u64,
    ahead: VecDeque<FollowedEntry>,
}

pub(crate) fn follow(
    log: LogStore,
    applied: watch::Receiver<u64>,
    from: u64,
) -> BoxStream<'static, Result<FollowedEntry, FollowError>> {
    let following = Following { log, applied, next: from, ahead: VecDeque::new() };
    futures::stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        match following.next().await {
            Ok(entry) => Some((Ok(entry), Some(following))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

impl Following {
    async fn next(&mut self) -> Result<FollowedEntry, FollowError> {
        while self.ahead.is_empty() {
            self.read_ahead().await?;
        }
        self.ahead.pop_front().ok_or(FollowError::Stopped)
    }

    async fn read_ahead(&mut self) -> Result<(), FollowError> {
        let next = self.next;
        let reached = self.applied.wait_for(|applied| *applied >= next).await;
        let applied = *reached.map_err(|_| FollowError::Stopped)?;
        let entries = self.log.read(next, applied + 1, READ_BYTES_MAX).await?;
        match entries.first() {
            Some(entry) if entry.log_id.index == next => {}
            // A pristine log has nothing at 0 yet, though 0 is what it has applied.
            None if applied == 0 => {
                return self.applied.changed().await.map_err(|_| FollowError::Stopped);
            }
            _ => return Err(FollowError::Purged { first: self.log.first_index() }),
        }
        for entry in entries {
            self.next = entry.log_id.index + 1;
            self.ahead.push_back(FollowedEntry::of(&entry).map_err(std::io::Error::from)?);
        }
        Ok(())
    }
}

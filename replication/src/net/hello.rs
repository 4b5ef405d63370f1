//! The first frames of a connection: what it is for, and whether it may be.

use super::name::PeerName;
use super::wire::{Frame, Kind, Versions};
use crate::frames::{FrameError, FrameReader, FrameWriter};
use crate::position::{GroupId, NodeId};
use bytes::Bytes;

/// Older and newer programs must be able to read it: what is new goes elsewhere.
const VERSION: u8 = 1;

/// What a connection carries. Each has connections of its own, streams one per group, so that nothing
/// waits behind anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Votes and other short calls of the groups.
    Calls,
    Heartbeats,
    Entries,
    Snapshot,
    /// What nodes ask each other beside the groups' own traffic.
    Requests,
}

impl Purpose {
    const ALL: [Purpose; 5] =
        [Purpose::Calls, Purpose::Heartbeats, Purpose::Entries, Purpose::Snapshot, Purpose::Requests];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Purpose::Calls => "calls",
            Purpose::Heartbeats => "heartbeats",
            Purpose::Entries => "entries",
            Purpose::Snapshot => "snapshot",
            Purpose::Requests => "requests",
        }
    }
}

/// Who is called by whom, for what. The certificates must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub purpose: Purpose,
    pub from: PeerName,
    pub to: PeerName,
    /// What the caller speaks.
    pub versions: Versions,
}

impl Hello {
    pub(crate) fn frame(&self, group: GroupId) -> Frame {
        let mut out = FrameWriter::new(VERSION);
        out.u8(self.purpose as u8);
        for name in [&self.from, &self.to] {
            out.sized(name.cluster().as_bytes());
            out.sized(name.region().as_bytes());
            out.u64(name.node().0);
        }
        Frame { kind: Kind::Hello, group, id: self.versions.to_id(), body: out.finish() }
    }

    pub(crate) fn decode(frame: Frame) -> Result<Hello, FrameError> {
        let mut input = FrameReader::new(frame.body, VERSION)?;
        let found = input.u8()?;
        let purpose = Purpose::ALL.into_iter().find(|purpose| *purpose as u8 == found);
        let purpose = purpose.ok_or(FrameError::Kind { found })?;
        let (from, to) = (name(&mut input)?, name(&mut input)?);
        input.end()?;
        Ok(Hello { purpose, from, to, versions: Versions::from_id(frame.id) })
    }

    /// Why the two can't talk, where the called node speaks `theirs`.
    pub(crate) fn nothing_in_common(&self, theirs: Versions) -> String {
        format!(
            "{} speaks versions {} of the protocol between nodes and {} speaks {theirs}, so there is none that \
             both speak; upgrade by way of a version of gearify that can talk to either",
            self.from, self.versions, self.to
        )
    }
}

fn name(input: &mut FrameReader) -> Result<PeerName, FrameError> {
    let mut text = || -> Result<String, FrameError> {
        String::from_utf8(input.sized()?.to_vec()).map_err(|_| FrameError::Contradiction)
    };
    let (cluster, region) = (text()?, text()?);
    PeerName::new(&cluster, &region, NodeId(input.u64()?)).map_err(|_| FrameError::Contradiction)
}

/// Why a connection or a call ends here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub cause: Cause,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The caller's node was removed from the cluster: it must not go on.
    Removed,
    /// Certificates, hello and book do not agree, or the two programs do not speak the same.
    Identity,
    /// Not here, or not now.
    NotServed,
}

impl Refusal {
    const REASON_BYTES_MAX: usize = 1024;

    pub(crate) fn new(cause: Cause, reason: impl ToString) -> Refusal {
        let mut reason = reason.to_string();
        if reason.len() > Refusal::REASON_BYTES_MAX {
            let end = (0..=Refusal::REASON_BYTES_MAX).rev().find(|at| reason.is_char_boundary(*at));
            reason.truncate(end.unwrap_or(0));
        }
        Refusal { cause, reason }
    }

    pub(crate) fn frame(&self, kind: Kind, group: GroupId, id: u64) -> Frame {
        let mut out = FrameWriter::new(VERSION);
        out.u8(self.cause as u8);
        out.sized(self.reason.as_bytes());
        Frame { kind, group, id, body: out.finish() }
    }

    pub(crate) fn decode(body: Bytes) -> Result<Refusal, FrameError> {
        let mut input = FrameReader::new(body, VERSION)?;
        let cause = match input.u8()? {
            0 => Cause::Removed,
            1 => Cause::Identity,
            2 => Cause::NotServed,
            found => return Err(FrameError::Kind { found }),
        };
        let reason = String::from_utf8_lossy(&input.sized()?).into_owned();
        input.end()?;
        // It goes into a log line: one line it stays.
        let reason = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Ok(Refusal { cause, reason })
    }
}

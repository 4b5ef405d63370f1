//! The history of a group, read by those that lack a part of it: pages of events, and closed files.

use super::member::{Member, known_peers};
use super::messages::{HistoryFile, HistoryFilePart, HistoryPage, HistoryQuery, PeerRequest, plain, row};
use crate::snapshot::{HistoryPeers, read_file_part};
use crate::state::{GroupKey, group_name};
use bytes::Bytes;
use gearify_commerce::{GroupKind, Shard};
use gearify_replication::NodeId;
use gearify_storage::{ContentHash, EventPosition, EventRow, decode, encode};
use std::time::Duration;

const HISTORY_WITHIN: Duration = Duration::from_secs(20);
/// Events of one page of history, by bytes; a row is at most one more.
const PAGE_BYTES_MAX: usize = 2 << 20;
const PAGE_ROWS_MAX: usize = 10_000;

impl Member {
    pub(super) async fn history(&self, group: GroupKey, query: HistoryQuery) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        let handle = backend.find(group).ok_or_else(|| format!("{} is not here", group_name(group)))?;
        let reader = handle.history.clone();
        let read = move || {
            if reader.position() < query.through {
                return Err(format!("this node's history ends at {}", reader.position()));
            }
            let limit = (query.limit as usize).min(PAGE_ROWS_MAX);
            let found = reader.read(EventPosition::new(query.index, query.n), limit);
            let found = found.map_err(|error| error.to_string())?;
            let (mut bytes, mut rows) = (0, Vec::new());
            for row in &found {
                rows.push(plain(row));
                bytes += row.body.len() + row.stream.len() + 32;
                if bytes > PAGE_BYTES_MAX {
                    break;
                }
            }
            let is_whole = rows.len() == found.len();
            Ok(encode(&HistoryPage { rows, is_whole }).into())
        };
        tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
    }

    pub(super) async fn history_file(&self, asked: HistoryFile) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        let group = match asked.group {
            GroupKind::Region => GroupKey::Region(asked.shard),
            shared => shared.into(),
        };
        let handle = backend.find(group).ok_or_else(|| format!("{} is not here", group_name(group)))?;
        let reader = handle.history.clone();
        let read = tokio::task::spawn_blocking(move || read_file_part(&reader, asked.hash, asked.offset));
        Ok(encode(&HistoryFilePart(read.await.map_err(|error| error.to_string())??)).into())
    }
}

impl HistoryPeers for Member {
    fn read(
        &self,
        group: GroupKey,
        from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String> {
        let mut last = "there is no other node to ask".to_owned();
        for node in self.nodes_with_history(group.kind()) {
            match self.runtime.block_on(self.history_of(node, group, from, through, limit)) {
                Ok(rows) => return Ok(rows),
                Err(reason) => last = format!("node {node}: {reason}"),
            }
        }
        Err(last)
    }

    fn file_part(&self, group: GroupKey, hash: ContentHash, offset: u64) -> Result<Vec<u8>, String> {
        let asked = HistoryFile { group: group.kind(), shard: group.shard(), hash, offset };
        let request: Bytes = encode(&PeerRequest::HistoryFile(asked)).into();
        let mut last = "there is no other node to ask".to_owned();
        for node in self.nodes_with_history(group.kind()) {
            let asked = self.net.request(node, request.clone(), HISTORY_WITHIN);
            let answer = self.runtime.block_on(asked).map_err(|error| error.to_string());
            let part = answer.and_then(|answer| decode(&answer).map_err(|error| error.to_string()));
            match part {
                Ok(HistoryFilePart(part)) => return Ok(part),
                Err(reason) => last = format!("node {node}: {reason}"),
            }
        }
        Err(last)
    }
}

impl Member {
    /// Other nodes that keep a group's history.
    fn nodes_with_history(&self, group: GroupKind) -> Vec<NodeId> {
        let known = known_peers(&self.roster.borrow());
        let others = known.iter().filter(|(node, peer)| {
            let has_it = group != GroupKind::Region || peer.region == self.me.region();
            has_it && !peer.is_removed && **node != self.node().0
        });
        let nodes: Vec<NodeId> = others.map(|(node, _)| NodeId(*node)).collect();
        // Before the roster is here, what was learnt by joining must do.
        if nodes.is_empty() { self.net.book().nodes() } else { nodes }
    }

    /// Events from one node, page by page.
    async fn history_of(
        &self,
        node: NodeId,
        group: GroupKey,
        mut from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String> {
        let mut rows: Vec<EventRow> = Vec::new();
        while rows.len() < limit {
            let limit = (limit - rows.len()) as u32;
            let query = HistoryQuery { group: group.kind(), index: from.index, n: from.n, through, limit };
            let request = match group.shard() {
                Shard::FIRST => PeerRequest::History(query),
                shard => PeerRequest::ShardHistory(shard, query),
            };
            let answer = self.net.request(node, encode(&request).into(), HISTORY_WITHIN).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let page: HistoryPage = decode(&answer).map_err(|error| error.to_string())?;
            rows.extend(page.rows.into_iter().map(row));
            match rows.last() {
                Some(last) if !page.is_whole => from = last.position.next(),
                _ => break,
            }
        }
        Ok(rows)
    }
}

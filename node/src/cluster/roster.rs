//! Who belongs to the cluster: nodes, join tokens, and the sealed key that signs certificates.
//!
//! Pure, like commerce: an entry carries its time; the same entries give the same roster everywhere. A
//! refusal changes nothing. Node numbers only rise: one that was given is never given again, because votes
//! were given under it.
//!
//! As the shops' groups do (`gearify_commerce::version`), the roster follows a version of its rules, raised by an
//! entry once every node of the cluster knows it. A command that older programs can't read waits for the version
//! it came with, and so does a new shape of the roster.

mod earlier;
#[cfg(test)]
mod tests;

use gearify_commerce::placement::{SHARDS_MAX, VOTERS, VOTERS_MAX};
use gearify_commerce::{StateVersion, version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tokens waiting to be used; more means that somebody makes them in a loop.
const TOKENS_MAX: usize = 100;
/// Every node knows of every region.
const REGIONS_MAX: usize = 100;

pub type TokenId = [u8; 8];

/// The replicated state of the cluster group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Empty before the cluster is founded.
    pub cluster: String,
    /// The authority's certificate and, sealed under the master key, its key.
    pub authority: Vec<u8>,
    pub authority_key: Vec<u8>,
    /// Tells master keys apart: a node with another one could not read what it is sent.
    pub master_key: String,
    pub last_node: u64,
    pub nodes: BTreeMap<u64, NodeRecord>,
    pub tokens: BTreeMap<TokenId, TokenRecord>,
    /// Regions that were added, by name; the first, and those of earlier times, may have none.
    pub regions: BTreeMap<String, RegionRecord>,
    /// Whose place the holder of a token will take.
    pub replacing: BTreeMap<TokenId, u64>,
    /// Nodes in whose place another has joined, with that one.
    pub replaced: BTreeMap<u64, u64>,
    /// How many shards regions have, by name; one where nothing is said.
    pub shards: BTreeMap<String, u16>,
    /// Of the rules; 0 before the cluster is founded.
    pub version: StateVersion,
    /// How many voters the shards of regions have, by name; three where nothing is said.
    pub voters: BTreeMap<String, u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionRecord {
    /// Where shoppers reach it, as a URL without a path; empty if nobody has said.
    pub public: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    pub region: String,
    /// Host and port of its peer listener.
    pub address: String,
    pub public_key: [u8; 32],
    pub state: NodeState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Active,
    /// About to stop: it leads nothing.
    Draining,
    /// Gone for good. The record stays, so that it is refused for ever.
    Removed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    pub secret_hash: [u8; 32],
    pub expires_ms: i64,
    /// The node that used it.
    pub used_by: Option<u64>,
}

/// One entry of the cluster group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub at_ms: i64,
    pub command: Command,
}
gearify_storage::first_version!(Entry);

/// The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The first entry: the cluster with its first node.
    Found(Box<Founding>),
    AddToken {
        token: TokenId,
        secret_hash: [u8; 32],
        expires_ms: i64,
    },
    Admit {
        token: TokenId,
        secret_hash: [u8; 32],
        public_key: [u8; 32],
        region: String,
        address: String,
    },
    SetState {
        node: u64,
        state: NodeState,
    },
    /// A node listens elsewhere now.
    Move {
        node: u64,
        address: String,
    },
    /// Nodes may join in this region from now on; said again, it changes the address.
    AddRegion {
        region: String,
        public: String,
    },
    /// Whoever joins with the token takes the node's place.
    AddReplacement {
        token: TokenId,
        secret_hash: [u8; 32],
        expires_ms: i64,
        node: u64,
    },
    /// The one node that is left goes on as a cluster of its own.
    Recover(Box<Founding>),
    /// A region is divided into so many shards; never into fewer than before.
    SetShards {
        region: String,
        shards: u16,
    },
    /// From the next entry on, the rules are those of version `to`.
    Raise {
        to: StateVersion,
    },
    /// A region's shards have so many voters each.
    SetVoters {
        region: String,
        voters: u8,
    },
}

impl Command {
    /// The version of the rules that the roster must follow before this is proposed: with it, every node can
    /// read the command. An entry that is there already holds all the same.
    pub fn since(&self) -> StateVersion {
        match self {
            Command::Found(_)
            | Command::AddToken { .. }
            | Command::Admit { .. }
            | Command::SetState { .. }
            | Command::Move { .. }
            | Command::AddRegion { .. }
            | Command::AddReplacement { .. }
            | Command::Recover(_) => version::FIRST,
            Command::SetShards { .. } => version::SHARDS,
            Command::SetVoters { .. } => version::WIDE,
            // Whoever proposes it has asked every node.
            Command::Raise { .. } => version::FIRST,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    pub cluster: String,
    pub authority: Vec<u8>,
    pub authority_key: Vec<u8>,
    pub master_key: String,
    pub node: u64,
    pub record: NodeRecord,
    pub token: TokenId,
    pub token_record: TokenRecord,
}

/// What an entry gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    Done,
    Admitted { node: u64 },
}

/// Why an entry changed nothing. The order of variants is stored: only append.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("the cluster is not founded yet")]
    NotFounded,
    #[error("the cluster is founded already")]
    Founded,
    #[error("this join token is not known")]
    UnknownToken,
    #[error("this join token has expired")]
    TokenExpired,
    #[error("this join token was used")]
    TokenUsed,
    #[error("too many join tokens wait to be used")]
    TooManyTokens,
    #[error("there is no node {node}")]
    UnknownNode { node: u64 },
    #[error("node {node} was removed")]
    NodeRemoved { node: u64 },
    #[error("node {node} is the last one")]
    LastNode { node: u64 },
    #[error("node {node} is at this address already")]
    AddressTaken { node: u64 },
    #[error("there are {REGIONS_MAX} regions; more are not possible")]
    TooManyRegions,
    #[error("node {node} is being replaced by node {by} already")]
    BeingReplaced { node: u64, by: u64 },
    #[error("node {node} is of region {region}; its place can be taken in that region only")]
    OtherRegion { node: u64, region: String },
    #[error("a region has 1 to {most} shards, and never fewer than before; this one has {shards}")]
    Shards { shards: u16, most: u16 },
    #[error(
        "not every node of the cluster is known to run a version of gearify that can read this: the roster \
         follows rules of version {follows}, and it needs {needs}; try again when all are upgraded and run"
    )]
    TooEarly { follows: StateVersion, needs: StateVersion },
    #[error("a shard has {VOTERS} or {VOTERS_MAX} voters")]
    Voters,
}

pub type Outcome = Result<Reply, Refusal>;

/// [`Outcome`] as the machine's reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer(pub Outcome);
gearify_storage::first_version!(Answer);

impl Roster {
    pub fn apply(&mut self, entry: &Entry) -> Outcome {
        match &entry.command {
            Command::Found(founding) => self.found(founding),
            _ if self.cluster.is_empty() => Err(Refusal::NotFounded),
            Command::AddToken { token, secret_hash, expires_ms } => {
                self.add_token(entry.at_ms, *token, *secret_hash, *expires_ms)
            }
            Command::AddReplacement { token, secret_hash, expires_ms, node } => {
                self.live(*node)?;
                if let Some(by) = self.successor(*node) {
                    return Err(Refusal::BeingReplaced { node: *node, by });
                }
                self.add_token(entry.at_ms, *token, *secret_hash, *expires_ms)?;
                self.replacing.insert(*token, *node);
                Ok(Reply::Done)
            }
            Command::Admit { token, secret_hash, public_key, region, address } => {
                let record = NodeRecord {
                    region: region.clone(),
                    address: address.clone(),
                    public_key: *public_key,
                    state: NodeState::Active,
                };
                self.admit(entry.at_ms, token, secret_hash, record)
            }
            Command::SetState { node, state } => self.set_state(*node, *state),
            Command::Recover(founding) => self.recover(founding),
            Command::AddRegion { region, public } => {
                if !self.has_region(region) && self.regions.len() >= REGIONS_MAX {
                    return Err(Refusal::TooManyRegions);
                }
                self.regions.insert(region.clone(), RegionRecord { public: public.clone() });
                Ok(Reply::Done)
            }
            Command::SetShards { region, shards } => {
                let now = self.shards.get(region).copied().unwrap_or(1);
                if !(now..=SHARDS_MAX).contains(shards) {
                    return Err(Refusal::Shards { shards: now, most: SHARDS_MAX });
                }
                self.shards.insert(region.clone(), *shards);
                Ok(Reply::Done)
            }
            Command::SetVoters { region, voters } => {
                if ![VOTERS, VOTERS_MAX].contains(voters) {
                    return Err(Refusal::Voters);
                }
                self.voters.insert(region.clone(), *voters);
                Ok(Reply::Done)
            }
            Command::Raise { to } => {
                // Asked twice, it stays as it is.
                self.version = self.version.max(*to);
                Ok(Reply::Done)
            }
            Command::Move { node, address } => {
                self.check_address(address, Some(*node))?;
                self.live(*node)?.address.clone_from(address);
                Ok(Reply::Done)
            }
        }
    }

    fn found(&mut self, founding: &Founding) -> Outcome {
        if !self.cluster.is_empty() {
            return Err(Refusal::Founded);
        }
        *self = Roster {
            cluster: founding.cluster.clone(),
            authority: founding.authority.clone(),
            authority_key: founding.authority_key.clone(),
            master_key: founding.master_key.clone(),
            last_node: founding.node,
            nodes: [(founding.node, founding.record.clone())].into(),
            tokens: [(founding.token, founding.token_record.clone())].into(),
            regions: BTreeMap::new(),
            replacing: BTreeMap::new(),
            replaced: BTreeMap::new(),
            shards: BTreeMap::new(),
            version: version::FIRST,
            voters: BTreeMap::new(),
        };
        Ok(Reply::Done)
    }

    /// The others are removed for good, whatever becomes of them; no number is given again.
    fn recover(&mut self, founding: &Founding) -> Outcome {
        if self.cluster == founding.cluster {
            return Ok(Reply::Done);
        }
        *self.live(founding.node)? = founding.record.clone();
        for (_, record) in self.nodes.iter_mut().filter(|(node, _)| **node != founding.node) {
            record.state = NodeState::Removed;
        }
        let Founding { cluster, authority, authority_key, master_key, .. } = founding.clone();
        *self = Roster {
            cluster,
            authority,
            authority_key,
            master_key,
            last_node: self.last_node,
            nodes: std::mem::take(&mut self.nodes),
            tokens: [(founding.token, founding.token_record.clone())].into(),
            regions: std::mem::take(&mut self.regions),
            replacing: BTreeMap::new(),
            replaced: BTreeMap::new(),
            shards: std::mem::take(&mut self.shards),
            version: self.version,
            voters: std::mem::take(&mut self.voters),
        };
        Ok(Reply::Done)
    }

    fn add_token(&mut self, at_ms: i64, token: TokenId, secret_hash: [u8; 32], expires_ms: i64) -> Outcome {
        self.tokens.retain(|_, record| record.expires_ms > at_ms);
        if self.tokens.values().filter(|record| record.used_by.is_none()).count() >= TOKENS_MAX {
            return Err(Refusal::TooManyTokens);
        }
        let tokens = &self.tokens;
        self.replacing.retain(|token, _| tokens.contains_key(token));
        self.tokens.insert(token, TokenRecord { secret_hash, expires_ms, used_by: None });
        Ok(Reply::Done)
    }

    /// The node that has joined in the place of this one, as long as both are there.
    pub fn successor(&self, node: u64) -> Option<u64> {
        let is_here = |node: &u64| self.state_of(*node).is_some_and(|state| state != NodeState::Removed);
        self.replaced.get(&node).copied().filter(|by| is_here(by) && is_here(&node))
    }

    fn admit(&mut self, at_ms: i64, token: &TokenId, secret: &[u8; 32], record: NodeRecord) -> Outcome {
        if let Some(node) = self.check_token(at_ms, token, secret, &record.public_key)? {
            return Ok(Reply::Admitted { node });
        }
        let replaces = self.replacing.get(token).copied();
        if let Some(old) = replaces {
            let region = &self.live(old)?.region;
            if *region != record.region {
                return Err(Refusal::OtherRegion { node: old, region: region.clone() });
            }
            if let Some(by) = self.successor(old) {
                return Err(Refusal::BeingReplaced { node: old, by });
            }
        }
        self.check_address(&record.address, replaces)?;
        self.last_node += 1;
        let node = self.last_node;
        self.nodes.insert(node, record);
        self.replacing.remove(token);
        self.replaced.extend(replaces.map(|old| (old, node)));
        self.tokens.get_mut(token).expect("it was checked").used_by = Some(node);
        Ok(Reply::Admitted { node })
    }

    /// The node that the token and this key were given to already, if they were: an answer that was lost on
    /// the way can be asked for again, by nobody else.
    pub fn check_token(
        &self,
        at_ms: i64,
        token: &TokenId,
        secret_hash: &[u8; 32],
        public_key: &[u8; 32],
    ) -> Result<Option<u64>, Refusal> {
        let record = self.tokens.get(token).filter(|record| record.secret_hash == *secret_hash);
        let record = record.ok_or(Refusal::UnknownToken)?;
        if at_ms >= record.expires_ms {
            return Err(Refusal::TokenExpired);
        }
        let Some(node) = record.used_by else { return Ok(None) };
        let is_same = self
            .nodes
            .get(&node)
            .is_some_and(|known| known.public_key == *public_key && known.state != NodeState::Removed);
        if is_same { Ok(Some(node)) } else { Err(Refusal::TokenUsed) }
    }

    fn check_address(&self, address: &str, own: Option<u64>) -> Result<(), Refusal> {
        let taken = |(node, record): &(&u64, &NodeRecord)| {
            record.address == address && record.state != NodeState::Removed && own != Some(**node)
        };
        match self.nodes.iter().find(taken) {
            Some((node, _)) => Err(Refusal::AddressTaken { node: *node }),
            None => Ok(()),
        }
    }

    fn set_state(&mut self, node: u64, state: NodeState) -> Outcome {
        let others =
            self.nodes.iter().filter(|(other, record)| **other != node && record.state == NodeState::Active);
        let is_last = others.count() == 0;
        let record = self.live(node)?;
        if state != NodeState::Active && is_last {
            return Err(Refusal::LastNode { node });
        }
        record.state = state;
        Ok(Reply::Done)
    }

    fn live(&mut self, node: u64) -> Result<&mut NodeRecord, Refusal> {
        let record = self.nodes.get_mut(&node).ok_or(Refusal::UnknownNode { node })?;
        if record.state == NodeState::Removed { Err(Refusal::NodeRemoved { node }) } else { Ok(record) }
    }

    /// Whether nodes may join in this region: it was added, or nodes are or were there.
    pub fn has_region(&self, region: &str) -> bool {
        self.regions.contains_key(region) || self.nodes.values().any(|record| record.region == region)
    }

    pub fn state_of(&self, node: u64) -> Option<NodeState> {
        self.nodes.get(&node).map(|record| record.state)
    }
}

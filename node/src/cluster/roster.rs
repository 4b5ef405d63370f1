//! Who belongs to the cluster: nodes, join tokens, and the sealed key that signs certificates.
//!
//! Pure, like commerce: an entry carries its time; the same entries give the same roster everywhere. A
//! refusal changes nothing. Node numbers only rise: one that was given is never given again, because votes
//! were given under it.
//!
//! As the shops' groups do (`gearify_commerce::version`), the roster follows a version of its rules, raised by an
//! entry once every node of the cluster knows it. A command that older programs can't read waits for the version
//! it came with, and so does a new shape of the roster.

use gearify_commerce::placement::SHARDS_MAX;
use gearify_commerce::{StateVersion, version};
use gearify_storage::Record;
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
}

impl Record for Roster {
    const VERSION: u8 = 5;
    const SINCE: u32 = version::ROSTER;
    type Previous = RosterV4;

    fn to_previous(&self) -> Option<RosterV4> {
        let roster = self.clone();
        Some(RosterV4 {
            cluster: roster.cluster,
            authority: roster.authority,
            authority_key: roster.authority_key,
            master_key: roster.master_key,
            last_node: roster.last_node,
            nodes: roster.nodes,
            tokens: roster.tokens,
            regions: roster.regions,
            replacing: roster.replacing,
            replaced: roster.replaced,
            shards: roster.shards,
        })
    }
}

/// Before its rules had a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV4 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
    replacing: BTreeMap<TokenId, u64>,
    replaced: BTreeMap<u64, u64>,
    shards: BTreeMap<String, u16>,
}

impl Record for RosterV4 {
    const VERSION: u8 = 4;
    type Previous = RosterV3;
}

impl From<RosterV4> for Roster {
    fn from(old: RosterV4) -> Roster {
        Roster {
            version: if old.cluster.is_empty() { 0 } else { version::FIRST },
            cluster: old.cluster,
            authority: old.authority,
            authority_key: old.authority_key,
            master_key: old.master_key,
            last_node: old.last_node,
            nodes: old.nodes,
            tokens: old.tokens,
            regions: old.regions,
            replacing: old.replacing,
            replaced: old.replaced,
            shards: old.shards,
        }
    }
}

/// Before regions were divided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV3 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
    replacing: BTreeMap<TokenId, u64>,
    replaced: BTreeMap<u64, u64>,
}

impl Record for RosterV3 {
    const VERSION: u8 = 3;
    type Previous = RosterV2;
}

impl From<RosterV3> for RosterV4 {
    fn from(old: RosterV3) -> RosterV4 {
        RosterV4 {
            cluster: old.cluster,
            authority: old.authority,
            authority_key: old.authority_key,
            master_key: old.master_key,
            last_node: old.last_node,
            nodes: old.nodes,
            tokens: old.tokens,
            regions: old.regions,
            replacing: old.replacing,
            replaced: old.replaced,
            shards: BTreeMap::new(),
        }
    }
}

/// Before a node could take another one's place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV2 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
    regions: BTreeMap<String, RegionRecord>,
}

impl Record for RosterV2 {
    const VERSION: u8 = 2;
    type Previous = RosterV1;
}

impl From<RosterV2> for RosterV3 {
    fn from(old: RosterV2) -> RosterV3 {
        let RosterV2 { cluster, authority, authority_key, master_key, last_node, nodes, tokens, regions } =
            old;
        let (replacing, replaced) = (BTreeMap::new(), BTreeMap::new());
        RosterV3 {
            cluster,
            authority,
            authority_key,
            master_key,
            last_node,
            nodes,
            tokens,
            regions,
            replacing,
            replaced,
        }
    }
}

/// Before regions could be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RosterV1 {
    cluster: String,
    authority: Vec<u8>,
    authority_key: Vec<u8>,
    master_key: String,
    last_node: u64,
    nodes: BTreeMap<u64, NodeRecord>,
    tokens: BTreeMap<TokenId, TokenRecord>,
}
gearify_storage::first_version!(RosterV1);

impl From<RosterV1> for RosterV2 {
    fn from(old: RosterV1) -> RosterV2 {
        let RosterV1 { cluster, authority, authority_key, master_key, last_node, nodes, tokens } = old;
        let regions = BTreeMap::new();
        RosterV2 { cluster, authority, authority_key, master_key, last_node, nodes, tokens, regions }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn record(node: u64) -> NodeRecord {
        NodeRecord {
            region: "home".into(),
            address: format!("192.0.2.{node}:7400"),
            public_key: [node as u8; 32],
            state: NodeState::Active,
        }
    }

    fn founded() -> Roster {
        let mut roster = Roster::default();
        let founding = Founding {
            cluster: "acme".into(),
            authority: vec![1],
            authority_key: vec![2],
            master_key: "f".into(),
            node: 1,
            record: record(1),
            token: [1; 8],
            token_record: TokenRecord { secret_hash: [1; 32], expires_ms: HOUR, used_by: None },
        };
        assert_eq!(at(&mut roster, 0, Command::Found(Box::new(founding))), Ok(Reply::Done));
        roster
    }

    fn at(roster: &mut Roster, at_ms: i64, command: Command) -> Outcome {
        let before = roster.clone();
        let outcome = roster.apply(&Entry { at_ms, command });
        if outcome.is_err() {
            assert_eq!(*roster, before, "a refusal changes nothing");
        }
        outcome
    }

    fn admit(token: u8, secret: u8, node: u64) -> Command {
        let NodeRecord { region, address, public_key, .. } = record(node);
        Command::Admit { token: [token; 8], secret_hash: [secret; 32], public_key, region, address }
    }

    fn token(number: u8) -> Command {
        Command::AddToken { token: [number; 8], secret_hash: [number; 32], expires_ms: HOUR }
    }

    #[test]
    fn a_token_takes_in_one_node_once() {
        let mut roster = founded();
        assert_eq!(at(&mut roster, 1, admit(9, 9, 2)), Err(Refusal::UnknownToken));
        assert_eq!(at(&mut roster, 1, admit(1, 9, 2)), Err(Refusal::UnknownToken));
        assert_eq!(at(&mut roster, 1, admit(1, 1, 2)), Ok(Reply::Admitted { node: 2 }));
        // The same node may ask for its answer again; another may not.
        assert_eq!(at(&mut roster, 2, admit(1, 1, 2)), Ok(Reply::Admitted { node: 2 }));
        assert_eq!(at(&mut roster, 2, admit(1, 1, 3)), Err(Refusal::TokenUsed));
        assert_eq!(at(&mut roster, 2, token(2)), Ok(Reply::Done));
        assert_eq!(at(&mut roster, HOUR, admit(2, 2, 3)), Err(Refusal::TokenExpired));
        assert_eq!(at(&mut roster, 3, admit(2, 2, 2)), Err(Refusal::AddressTaken { node: 2 }));
        assert_eq!(at(&mut roster, 3, admit(2, 2, 3)), Ok(Reply::Admitted { node: 3 }));
    }

    #[test]
    fn a_node_takes_the_place_of_another_of_its_region_once() {
        let mut roster = founded();
        at(&mut roster, 1, admit(1, 1, 2)).unwrap();
        let replace = |number: u8, node| Command::AddReplacement {
            token: [number; 8],
            secret_hash: [number; 32],
            expires_ms: HOUR,
            node,
        };
        assert_eq!(at(&mut roster, 2, replace(2, 7)), Err(Refusal::UnknownNode { node: 7 }));
        assert_eq!(at(&mut roster, 2, replace(2, 2)), Ok(Reply::Done));
        assert_eq!(at(&mut roster, 2, replace(3, 2)), Ok(Reply::Done), "the first token may be lost");
        let Command::Admit { token, secret_hash, public_key, address, .. } = admit(2, 2, 3) else { panic!() };
        let away = Command::Admit { token, secret_hash, public_key, region: "away".into(), address };
        let region = "home".to_owned();
        assert_eq!(at(&mut roster, 3, away), Err(Refusal::OtherRegion { node: 2, region }));
        assert_eq!(at(&mut roster, 3, admit(2, 2, 3)), Ok(Reply::Admitted { node: 3 }));
        assert_eq!(at(&mut roster, 4, admit(2, 2, 3)), Ok(Reply::Admitted { node: 3 }), "asked again");
        assert_eq!(roster.successor(2), Some(3));
        let taken = Refusal::BeingReplaced { node: 2, by: 3 };
        assert_eq!(at(&mut roster, 4, admit(3, 3, 4)), Err(taken.clone()));
        assert_eq!(at(&mut roster, 4, replace(4, 2)), Err(taken));
        // The new one is lost before it votes: another may take the place.
        let remove = |node| Command::SetState { node, state: NodeState::Removed };
        at(&mut roster, 5, remove(3)).unwrap();
        assert_eq!(roster.successor(2), None);
        assert_eq!(at(&mut roster, 6, admit(3, 3, 4)), Ok(Reply::Admitted { node: 4 }));
        at(&mut roster, 7, remove(2)).unwrap();
        assert_eq!(roster.successor(2), None);
        assert_eq!(at(&mut roster, 8, replace(5, 2)), Err(Refusal::NodeRemoved { node: 2 }));
    }

    #[test]
    fn a_number_is_never_given_again_and_the_removed_stay_removed() {
        let mut roster = founded();
        at(&mut roster, 1, admit(1, 1, 2)).unwrap();
        let remove = |node| Command::SetState { node, state: NodeState::Removed };
        assert_eq!(at(&mut roster, 2, remove(2)), Ok(Reply::Done));
        assert_eq!(at(&mut roster, 2, admit(1, 1, 2)), Err(Refusal::TokenUsed));
        at(&mut roster, 2, token(2)).unwrap();
        // The address is free again, the number is not.
        assert_eq!(at(&mut roster, 3, admit(2, 2, 2)), Ok(Reply::Admitted { node: 3 }));
        let back = Command::SetState { node: 2, state: NodeState::Active };
        assert_eq!(at(&mut roster, 3, back), Err(Refusal::NodeRemoved { node: 2 }));
        assert_eq!(at(&mut roster, 3, remove(7)), Err(Refusal::UnknownNode { node: 7 }));
        assert_eq!(roster.state_of(2), Some(NodeState::Removed));
    }

    #[test]
    fn the_last_active_node_can_neither_rest_nor_go() {
        let mut roster = founded();
        for state in [NodeState::Draining, NodeState::Removed] {
            let last = Command::SetState { node: 1, state };
            assert_eq!(at(&mut roster, 1, last), Err(Refusal::LastNode { node: 1 }));
        }
        at(&mut roster, 1, admit(1, 1, 2)).unwrap();
        let drain = |node| Command::SetState { node, state: NodeState::Draining };
        assert_eq!(at(&mut roster, 2, drain(1)), Ok(Reply::Done));
        assert_eq!(at(&mut roster, 2, drain(2)), Err(Refusal::LastNode { node: 2 }));
        assert_eq!(
            at(&mut roster, 3, Command::SetState { node: 1, state: NodeState::Active }),
            Ok(Reply::Done)
        );
    }

    #[test]
    fn a_region_is_known_once_it_was_added_and_an_old_roster_has_the_first() {
        let mut roster = founded();
        assert!(roster.has_region("home") && !roster.has_region("south"));
        let add = |public: &str| Command::AddRegion { region: "south".into(), public: public.into() };
        assert_eq!(at(&mut roster, 1, add("")), Ok(Reply::Done));
        assert_eq!(at(&mut roster, 2, add("https://south.example")), Ok(Reply::Done));
        assert_eq!(roster.regions["south"].public, "https://south.example");
        let Roster { cluster, authority, authority_key, master_key, last_node, nodes, tokens, .. } =
            roster.clone();
        let old = RosterV1 { cluster, authority, authority_key, master_key, last_node, nodes, tokens };
        let read: Roster = gearify_storage::decode(&gearify_storage::encode(&old)).unwrap();
        assert_eq!(read, Roster { regions: BTreeMap::new(), ..roster.clone() });
        let set = |shards| Command::SetShards { region: "south".into(), shards };
        for (shards, is_taken) in [(0, false), (4, true), (3, false), (4, true), (64, true), (65, false)] {
            assert_eq!(at(&mut roster, 3, set(shards)).is_ok(), is_taken, "{shards} shards");
        }
        assert_eq!(roster.shards["south"], 64);
        assert!(read.has_region("home") && !read.has_region("south"));
    }

    #[test]
    fn the_version_of_the_rules_rises_and_brings_the_new_shape_with_it() {
        use gearify_storage::{decode, encode, encode_at};
        let mut roster = founded();
        assert_eq!(roster.version, version::FIRST);
        let before = encode_at(&roster, roster.version);
        assert_eq!(before, encode(&roster.to_previous().unwrap()), "a program before reads it");
        assert_eq!(decode::<Roster>(&before).unwrap(), roster);
        for (to, follows) in [(version::ROSTER, version::ROSTER), (version::FIRST, version::ROSTER)] {
            assert_eq!(at(&mut roster, 1, Command::Raise { to }), Ok(Reply::Done));
            assert_eq!(roster.version, follows);
        }
        let after = encode_at(&roster, roster.version);
        assert_eq!(after[0], Roster::VERSION);
        assert_eq!(decode::<Roster>(&after).unwrap(), roster);
        // Whoever goes on alone goes on with the rules.
        let recovery = Founding {
            cluster: "acme-2".into(),
            authority: vec![],
            authority_key: vec![],
            master_key: String::new(),
            node: 1,
            record: record(1),
            token: [1; 8],
            token_record: TokenRecord { secret_hash: [1; 32], expires_ms: HOUR, used_by: None },
        };
        assert_eq!(at(&mut roster, 2, Command::Recover(Box::new(recovery))), Ok(Reply::Done));
        assert_eq!(roster.version, version::ROSTER);
    }

    #[test]
    fn nothing_happens_before_the_founding_and_that_happens_once() {
        let mut roster = Roster::default();
        assert_eq!(at(&mut roster, 0, token(1)), Err(Refusal::NotFounded));
        let mut roster = founded();
        let again = Founding {
            cluster: "other".into(),
            authority: vec![],
            authority_key: vec![],
            master_key: String::new(),
            node: 1,
            record: record(1),
            token: [1; 8],
            token_record: TokenRecord { secret_hash: [1; 32], expires_ms: HOUR, used_by: None },
        };
        assert_eq!(at(&mut roster, 1, Command::Found(Box::new(again))), Err(Refusal::Founded));
    }
}

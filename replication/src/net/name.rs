//! Who a node is to its peers: cluster, region and number, as its certificate states them.
//!
//! The certificate carries one DNS name per node, `n<number>.<region>.<cluster>.peer.gearify.internal`,
//! which no resolver knows: it is compared, never looked up. A second name, equal for all nodes of a
//! cluster, lets a node that knows none of them yet check that it talks to one.

use crate::position::{GroupId, NodeId};
use std::fmt;

const SUFFIX: &str = "peer.gearify.internal";
const LABEL_BYTES_MAX: usize = 48;
/// Groups with lower numbers are shared by all regions.
const FIRST_REGIONAL: u16 = 16;

/// A node as named by its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerName {
    cluster: String,
    region: String,
    node: NodeId,
}

/// A name that can't stand in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not 1 to {LABEL_BYTES_MAX} lower-case letters, digits and inner hyphens")]
pub struct LabelError(String);

impl PeerName {
    /// # Errors
    /// If cluster or region can't be a label of a DNS name.
    pub fn new(cluster: &str, region: &str, node: NodeId) -> Result<PeerName, LabelError> {
        Ok(PeerName { cluster: label(cluster)?, region: label(region)?, node })
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    pub fn node(&self) -> NodeId {
        self.node
    }

    pub(crate) fn dns(&self) -> String {
        format!("n{}.{}.{}.{SUFFIX}", self.node, self.region, self.cluster)
    }

    /// The inverse of [`PeerName::dns`]; `None` for every other name.
    pub(crate) fn from_dns(name: &str) -> Option<PeerName> {
        let mut labels = name.strip_suffix(SUFFIX)?.strip_suffix('.')?.split('.');
        let node = labels.next()?.strip_prefix('n')?.parse().ok().map(NodeId)?;
        let (region, cluster) = (labels.next()?, labels.next()?);
        let found = PeerName::new(cluster, region, node).ok()?;
        // Written in one way only: `n007` is nobody.
        (labels.next().is_none() && found.dns() == name).then_some(found)
    }

    /// Whether a node of that region has business with a group: shards stay within their region.
    pub(crate) fn may_speak_for(&self, group: GroupId, region: &str) -> bool {
        group.0 < FIRST_REGIONAL || self.region == region
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} of region {} of cluster {}", self.node, self.region, self.cluster)
    }
}

/// The name that every node of a cluster answers to.
pub(crate) fn any_node_of(cluster: &str) -> String {
    format!("any.{cluster}.{SUFFIX}")
}

pub(crate) fn label(text: &str) -> Result<String, LabelError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = !text.is_empty()
        && text.len() <= LABEL_BYTES_MAX
        && text.chars().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_label { Ok(text.to_owned()) } else { Err(LabelError(text.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_the_way_through_a_certificate() {
        let name = PeerName::new("acme-1f", "eu-west", NodeId(7)).unwrap();
        assert_eq!(name.dns(), "n7.eu-west.acme-1f.peer.gearify.internal");
        assert_eq!(PeerName::from_dns(&name.dns()), Some(name));
    }

    #[test]
    fn other_names_are_nobody() {
        for name in [
            "n07.eu.acme.peer.gearify.internal",
            "n7.eu.acme.peer.gearify.example",
            "n7.eu.acme.more.peer.gearify.internal",
            "7.eu.acme.peer.gearify.internal",
            "n7.EU.acme.peer.gearify.internal",
            "any.acme.peer.gearify.internal",
            "peer.gearify.internal",
        ] {
            assert_eq!(PeerName::from_dns(name), None, "{name}");
        }
    }
}

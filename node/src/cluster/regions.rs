//! Which region has which number, and who takes which part in the groups that all regions share.
//!
//! Pure, from who was ever a node: regions are numbered in the order in which their first nodes came, and
//! since no record of a node is ever removed, a number never changes.
//!
//! One region: all its nodes are members, and the count decides who votes. Two: the same nodes, and those of
//! the second observe; an even split of votes would survive the loss of neither. Three or more: two voters,
//! two, and one in the first three; other nodes of the first stay as learners, all others observe.

use super::identity::KnownPeers;
use gearify_replication::NodeId;
use std::collections::BTreeSet;

/// Voters in the first three regions, once there are three.
const SPREAD: [usize; 3] = [2, 2, 1];

/// Who belongs to the shared groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seats {
    pub members: BTreeSet<NodeId>,
    /// `None`: as many members as make an odd number.
    pub voters: Option<BTreeSet<NodeId>>,
}

/// All regions, in the order of their numbers.
pub fn regions(known: &KnownPeers) -> Vec<&str> {
    let mut found = Vec::new();
    for peer in known.values() {
        if !found.contains(&peer.region.as_str()) {
            found.push(peer.region.as_str());
        }
    }
    found
}

/// Whether region `me` sells for the shops whose home has this name. A name that no region has means the first.
pub fn is_home(known: &KnownPeers, me: &str, home: &str) -> bool {
    let regions = regions(known);
    match home == me || regions.contains(&home) {
        true => home == me,
        false => regions.first().is_none_or(|first| *first == me),
    }
}

/// The number of a region, the next one for a region without nodes.
pub fn region_number(known: &KnownPeers, region: &str) -> u16 {
    let regions = regions(known);
    let number = regions.iter().position(|known| *known == region).unwrap_or(regions.len());
    u16::try_from(number).expect("there are at most a hundred regions")
}

/// The seats in the groups that all regions share.
pub fn shared_seats(known: &KnownPeers) -> Seats {
    let of = |region: &str| {
        let here = known.iter().filter(|(_, peer)| peer.region == region && !peer.is_removed);
        here.map(|(node, _)| NodeId(*node)).collect::<Vec<NodeId>>()
    };
    let inhabited: Vec<Vec<NodeId>> =
        regions(known).into_iter().map(of).filter(|nodes| !nodes.is_empty()).collect();
    let mut members: BTreeSet<NodeId> = inhabited.first().into_iter().flatten().copied().collect();
    if inhabited.len() < SPREAD.len() {
        return Seats { members, voters: None };
    }
    let chosen = inhabited.iter().zip(SPREAD).flat_map(|(nodes, votes)| nodes.iter().take(votes));
    let voters: BTreeSet<NodeId> = chosen.copied().collect();
    members.extend(&voters);
    Seats { members, voters: Some(voters) }
}

#[cfg(test)]
mod tests {
    use super::super::identity::KnownPeer;
    use super::*;

    /// Nodes 1, 2, … by the first letter of their region; a capital one is removed.
    fn known(nodes: &str) -> KnownPeers {
        let peer = |(node, letter): (u64, char)| {
            let region = letter.to_ascii_lowercase().to_string();
            (node, KnownPeer { region, address: String::new(), is_removed: letter.is_uppercase() })
        };
        (1..).zip(nodes.chars()).map(peer).collect()
    }

    fn nodes(numbers: &[u64]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    /// Nodes, the members of the shared groups, and those chosen to vote.
    type Case = (&'static str, &'static [u64], Option<&'static [u64]>);

    #[test]
    fn votes_are_spread_over_regions() {
        let table: &[Case] = &[
            ("a", &[1], None),
            ("aaa", &[1, 2, 3], None),
            ("aaaaab", &[1, 2, 3, 4, 5], None),
            ("ab", &[1], None),
            ("aaabbb", &[1, 2, 3], None),
            ("aaAbb", &[1, 2], None),
            ("abc", &[1, 2, 3], Some(&[1, 2, 3])),
            ("aaabbbccc", &[1, 2, 3, 4, 5, 7], Some(&[1, 2, 4, 5, 7])),
            ("abcabcabc", &[1, 2, 3, 4, 5, 7], Some(&[1, 2, 3, 4, 5])),
            // A seat goes to the next node of its region; a region without nodes to the next region.
            ("aAabbcc", &[1, 3, 4, 5, 6], Some(&[1, 3, 4, 5, 6])),
            ("aaBccdd", &[1, 2, 4, 5, 6], Some(&[1, 2, 4, 5, 6])),
            ("aaabbbcccddd", &[1, 2, 3, 4, 5, 7], Some(&[1, 2, 4, 5, 7])),
        ];
        for (text, members, voters) in table {
            let wanted = Seats { members: nodes(members), voters: voters.map(nodes) };
            assert_eq!(shared_seats(&known(text)), wanted, "{text}");
        }
    }

    #[test]
    fn a_shop_has_one_home() {
        for (regions, me, home, expected) in [
            ("ab", "a", "a", true),
            ("ab", "b", "a", false),
            ("ab", "b", "b", true),
            ("ab", "a", "unknown", true),
            ("ab", "b", "unknown", false),
            ("", "a", "unknown", true),
            ("", "a", "a", true),
        ] {
            assert_eq!(is_home(&known(regions), me, home), expected, "{regions} {me} {home}");
        }
    }

    #[test]
    fn a_region_keeps_its_number() {
        assert_eq!(regions(&known("abACb")), ["a", "b", "c"]);
        assert_eq!(region_number(&known("AbC"), "c"), 2);
        assert_eq!(region_number(&known("ab"), "new"), 2);
        assert_eq!(region_number(&known(""), "a"), 0);
    }
}

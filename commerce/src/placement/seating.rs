//! Which nodes run which shard: pure, and the same for the same nodes in the same order of changes.
//!
//! Every shard stays where it is as long as its nodes are there. Seats that are empty go to the nodes that
//! have fewest; then seats change hands, one by one, until no node has two more than another.

use super::Shard;
use std::collections::{BTreeMap, BTreeSet};

pub type Seating = BTreeMap<Shard, BTreeSet<u64>>;

/// The seats of shards 0 to `shards` among `nodes`, `voters` each as far as there are nodes, beginning with those
/// of `before`. The first shard is on every node and takes no part: it has no seats here.
pub fn seating(shards: u16, nodes: &BTreeSet<u64>, voters: usize, before: &Seating) -> Seating {
    let width = voters.min(nodes.len());
    let mut seating: Seating = (1..shards)
        .map(|shard| {
            let shard = Shard(shard);
            let kept = before.get(&shard).into_iter().flatten().filter(|node| nodes.contains(node));
            (shard, kept.copied().take(width).collect())
        })
        .collect();
    for shard in (1..shards).map(Shard) {
        while seating[&shard].len() < width {
            let free = nodes.difference(&seating[&shard]);
            let node = *free.min_by_key(|node| (load(&seating, **node), **node)).expect("fewer than all sit");
            seating.get_mut(&shard).expect("every shard is there").insert(node);
        }
    }
    while let Some((shard, from, to)) = uneven(&seating, nodes) {
        let seats = seating.get_mut(&shard).expect("every shard is there");
        seats.remove(&from);
        seats.insert(to);
    }
    seating
}

fn load(seating: &Seating, node: u64) -> usize {
    seating.values().filter(|seats| seats.contains(&node)).count()
}

/// A seat that should change hands.
fn uneven(seating: &Seating, nodes: &BTreeSet<u64>) -> Option<(Shard, u64, u64)> {
    let most = nodes.iter().max_by_key(|node| (load(seating, **node), **node))?;
    let least = nodes.iter().min_by_key(|node| (load(seating, **node), **node))?;
    if load(seating, *most) < load(seating, *least) + 2 {
        return None;
    }
    let moves = seating.iter().find(|(_, seats)| seats.contains(most) && !seats.contains(least));
    let (shard, _) = moves.expect("who has more seats sits where the other does not");
    Some((*shard, *most, *least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(seating: &Seating) -> String {
        let seats = |nodes: &BTreeSet<u64>| nodes.iter().map(u64::to_string).collect::<String>();
        seating.values().map(seats).collect::<Vec<_>>().join(" ")
    }

    fn nodes(numbers: &str) -> BTreeSet<u64> {
        numbers.chars().map(|digit| u64::from(digit.to_digit(10).unwrap())).collect()
    }

    #[test]
    fn shards_are_spread_and_stay_where_they_can() {
        let steps = [
            ("1", "1 1 1 1"),
            ("12", "12 12 12 12"),
            ("123", "123 123 123 123"),
            ("1234", "124 134 234 123"),
            ("12345", "125 145 234 123"),
            ("1345", "135 145 345 134"),
            ("13456", "136 156 345 134"),
        ];
        let mut before = Seating::new();
        for (numbers, expected) in steps {
            before = seating(5, &nodes(numbers), 3, &before);
            assert_eq!(told(&before), expected, "{numbers}");
        }
        assert_eq!(told(&seating(1, &nodes("123"), 3, &Seating::new())), "");
        let wide = seating(4, &nodes("123456"), 5, &before);
        assert_eq!(told(&wide), "12346 12356 12345");
        assert_eq!(told(&seating(4, &nodes("123456"), 3, &wide)), "456 123 123", "and narrow again");
    }

    proptest! {
        #[test]
        fn seats_are_full_even_and_settled(
            shards in 1u16..20,
            first in proptest::collection::btree_set(1u64..12, 1..9),
            then in proptest::collection::btree_set(1u64..12, 1..9),
            (voters_before, voters) in (prop_oneof![Just(3), Just(5)], prop_oneof![Just(3), Just(5)]),
        ) {
            let before = seating(shards, &first, voters_before, &Seating::new());
            let after = seating(shards, &then, voters, &before);
            for seats in after.values() {
                prop_assert_eq!(seats.len(), voters.min(then.len()));
                prop_assert!(seats.is_subset(&then));
            }
            let loads: Vec<usize> = then.iter().map(|node| load(&after, *node)).collect();
            prop_assert!(loads.iter().max().unwrap() - loads.iter().min().unwrap() <= 1);
            prop_assert_eq!(&seating(shards, &then, voters, &after), &after, "said again, nothing changes");
        }
    }
}

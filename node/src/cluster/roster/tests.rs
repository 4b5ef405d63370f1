//! What the roster takes and refuses.

use super::earlier::RosterV1;
use super::*;
use gearify_storage::Record;

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
    assert_eq!(at(&mut roster, 3, Command::SetState { node: 1, state: NodeState::Active }), Ok(Reply::Done));
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
fn a_shard_has_three_or_five_voters() {
    let mut roster = founded();
    for (voters, is_taken) in [(5, true), (4, false), (0, false), (3, true), (7, false), (5, true)] {
        let set = Command::SetVoters { region: "home".into(), voters };
        assert_eq!(at(&mut roster, 1, set).is_ok(), is_taken, "{voters} voters");
    }
    assert_eq!(roster.voters["home"], 5);
}

#[test]
fn the_version_of_the_rules_rises_and_brings_the_new_shape_with_it() {
    use gearify_storage::{decode, encode, encode_at};
    let mut roster = founded();
    assert_eq!(roster.version, version::FIRST);
    let before = encode_at(&roster, roster.version);
    let first = roster.to_previous().unwrap().to_previous().unwrap();
    assert_eq!(before, encode(&first), "a program before reads it");
    assert_eq!(decode::<Roster>(&before).unwrap(), roster);
    let raised = [
        (version::ROSTER, version::ROSTER, Roster::VERSION - 1),
        (version::FIRST, version::ROSTER, Roster::VERSION - 1),
        (version::WIDE, version::WIDE, Roster::VERSION),
    ];
    for (to, follows, shape) in raised {
        assert_eq!(at(&mut roster, 1, Command::Raise { to }), Ok(Reply::Done));
        assert_eq!(roster.version, follows);
        let after = encode_at(&roster, roster.version);
        assert_eq!(after[0], shape);
        assert_eq!(decode::<Roster>(&after).unwrap(), roster);
    }
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
    assert_eq!(roster.version, version::WIDE);
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

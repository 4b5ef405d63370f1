//! Frames: what is written is read back, and damage is noticed.

use super::*;
use crate::position::Applied;
use proptest::prelude::*;

fn any_log_id() -> impl Strategy<Value = LogId> {
    (any::<u64>(), any::<u64>(), any::<u64>())
        .prop_map(|(term, leader, index)| types::log_id(&LogPosition { term, leader: NodeId(leader), index }))
}

fn any_vote() -> impl Strategy<Value = Vote> {
    (any::<u64>(), any::<u64>(), any::<bool>())
        .prop_map(|(term, node, committed)| types::vote(term, NodeId(node), committed))
}

fn any_membership() -> impl Strategy<Value = Membership> {
    let voters = prop::collection::btree_set(0..9u64, 1..5);
    let configs = prop::collection::vec(voters, 1..3);
    (configs, prop::collection::btree_set(0..12u64, 0..4)).prop_map(|(configs, learners)| {
        let configs: Vec<BTreeSet<NodeId>> =
            configs.into_iter().map(|voters| voters.into_iter().map(NodeId).collect()).collect();
        let nodes: BTreeMap<NodeId, EmptyNode> = configs
            .iter()
            .flatten()
            .copied()
            .chain(learners.into_iter().map(NodeId))
            .map(|node| (node, EmptyNode::new()))
            .collect();
        Membership::new(configs, nodes).unwrap()
    })
}

fn any_payload() -> impl Strategy<Value = EntryPayload<Payload, NodeId, EmptyNode>> {
    prop_oneof![
        Just(EntryPayload::Blank),
        prop::collection::vec(any::<u8>(), 0..30)
            .prop_map(|bytes| EntryPayload::Normal(Payload(batch::encode(&[Bytes::from(bytes)])))),
        any_membership().prop_map(EntryPayload::Membership),
    ]
}

fn any_append() -> impl Strategy<Value = AppendEntriesRequest<types::Types>> {
    let previous = prop::option::of((0..9u64, 0..9u64, 0..1_000u64));
    let payloads = prop::collection::vec(any_payload(), 0..5);
    (any_vote(), previous, payloads, prop::option::of(any_log_id())).prop_map(
        |(vote, previous, payloads, leader_commit)| {
            let prev_log_id = previous.map(|(term, leader, index)| {
                types::log_id(&LogPosition { term, leader: NodeId(leader), index })
            });
            let first = prev_log_id.map_or(0, |log_id| log_id.index + 1);
            let entries = (first..)
                .zip(payloads)
                .map(|(index, payload)| {
                    let position = LogPosition { term: 9, leader: NodeId(1), index };
                    Entry { log_id: types::log_id(&position), payload }
                })
                .collect();
            AppendEntriesRequest { vote, prev_log_id, entries, leader_commit }
        },
    )
}

proptest! {
    #[test]
    fn votes_and_log_ids_come_back(vote in any_vote(), log_id in any_log_id()) {
        prop_assert_eq!(decode_vote(encode_vote(&vote)).unwrap(), vote);
        prop_assert_eq!(decode_log_id(encode_log_id(&log_id)).unwrap(), log_id);
        prop_assert_eq!(decode_term(encode_term(&log_id), log_id.index).unwrap(), log_id);
    }

    #[test]
    fn appends_come_back(request in any_append()) {
        let decoded = decode_append(encode_append(&request)).unwrap();
        prop_assert_eq!(format!("{decoded:?}"), format!("{request:?}"));
        prop_assert_eq!(decoded.entries, request.entries);
    }

    #[test]
    fn memberships_and_applied_positions_come_back(
        membership in any_membership(),
        at in prop::option::of(any_log_id()),
    ) {
        let stored = StoredMembership::new(at, membership);
        let encoded = encode_stored_membership(&stored);
        prop_assert_eq!(decode_stored_membership(encoded.clone()).unwrap(), stored);
        let applied = Applied { position: at.as_ref().map(types::position), membership: Some(encoded) };
        prop_assert_eq!(Applied::decode(applied.encode()).unwrap(), applied);
    }

    #[test]
    fn requests_and_answers_come_back(
        vote in any_vote(), other in any_vote(), last in prop::option::of(any_log_id()),
        node in any::<u64>(), flag in any::<bool>(), index in any::<u64>(),
    ) {
        let mut request = VoteRequest::new(vote, last);
        request.leadership_transfer = flag;
        let Request::Vote(decoded) = decode_request(encode_request(&Request::Vote(request.clone()))).unwrap()
            else { panic!("another kind") };
        prop_assert_eq!(decoded, request.clone());
        let Request::PreVote(decoded) =
            decode_request(encode_request(&Request::PreVote(request.clone()))).unwrap()
            else { panic!("another kind") };
        prop_assert_eq!(decoded, request);
        let transfer = TransferLeaderRequest::new(vote, NodeId(node), last);
        let Request::Transfer(decoded) =
            decode_request(encode_request(&Request::Transfer(transfer.clone()))).unwrap()
            else { panic!("another kind") };
        prop_assert_eq!(decoded, transfer);

        let answer = VoteResponse::new(vote, last, flag);
        prop_assert_eq!(decode_vote_answer(encode_vote_answer(&answer)).unwrap(), answer);
        for answer in [
            Ok(()),
            Err(TransferLeaderError::VoteChanged { expected: vote, actual: other }),
            Err(TransferLeaderError::LogNotFlushed { expected: last, actual: None }),
        ] {
            prop_assert_eq!(decode_transfer_answer(encode_transfer_answer(&answer)).unwrap(), answer);
        }
        for answer in [
            ReadIndexAnswer::Index(index),
            ReadIndexAnswer::NotLeader(Some(NodeId(node))),
            ReadIndexAnswer::NotLeader(None),
            ReadIndexAnswer::NoQuorum,
        ] {
            prop_assert_eq!(decode_read_index_answer(encode_read_index_answer(answer)).unwrap(), answer);
        }
        let answers: [StreamAppendResult<types::Types>; 2] =
            [Ok(last), Err(StreamAppendError::HigherVote(vote))];
        for answer in answers {
            prop_assert_eq!(decode_append_answer(encode_append_answer(&answer)).unwrap(), answer);
        }
        let header = SnapshotHeader { group: GroupId(7), vote, bytes: index, hash: [3; 32] };
        prop_assert_eq!(decode_snapshot_header(encode_snapshot_header(&header)).unwrap(), header);
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = VERSION; // or nothing past the version would be tried
        }
        let bytes = Bytes::from(bytes);
        let _ = decode_vote(bytes.clone());
        let _ = decode_append(bytes.clone());
        let _ = decode_request(bytes.clone());
        let _ = decode_append_answer(bytes.clone());
        let _ = decode_stored_membership(bytes.clone());
        let _ = decode_snapshot_header(bytes.clone());
        let _ = Applied::decode(bytes);
    }

    #[test]
    fn a_frame_cut_short_or_lengthened_is_refused(request in any_append(), cut in 1usize..9) {
        let frame = encode_append(&request);
        prop_assert!(decode_append(frame.slice(..frame.len() - cut)).is_err());
        let longer = [&frame[..], &[0]].concat();
        prop_assert!(decode_append(longer.into()).is_err());
    }
}

#[test]
fn entries_with_a_hole_are_refused() {
    let position = |index| types::log_id(&LogPosition { term: 1, leader: NodeId(1), index });
    let entry = |index| Entry { log_id: position(index), payload: EntryPayload::Blank };
    let mut request = AppendEntriesRequest {
        vote: types::vote(1, NodeId(1), true),
        prev_log_id: Some(position(4)),
        entries: vec![entry(5), entry(6)],
        leader_commit: None,
    };
    assert!(decode_append(encode_append(&request)).is_ok());
    request.entries[1] = entry(7);
    assert_eq!(decode_append(encode_append(&request)).unwrap_err(), FrameError::Contradiction);
}

#[test]
fn an_unknown_version_is_named() {
    let mut frame = encode_vote(&types::vote(1, NodeId(1), true)).to_vec();
    frame[0] = 9;
    assert_eq!(decode_vote(frame.into()), Err(FrameError::Version { found: 9 }));
}

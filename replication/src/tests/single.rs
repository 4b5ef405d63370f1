//! One node: proposing, gathering, refusing, reading, following.

use super::*;
use crate::FollowError;
use futures::StreamExt;
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_one_acknowledges_what_it_applied() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    let proposed = running.group.propose(named("bat")).await.unwrap();
    assert_eq!(proposed.reply, format!("{}/0/1", proposed.position.index));
    assert_eq!(shelf.count("bat"), 1);
    assert_eq!(running.group.applied_index(), proposed.position.index);
    assert!(running.group.is_leader());
    assert_eq!(running.group.leader(), Some(NodeId(1)));
    assert_eq!(running.group.metrics().voters, [NodeId(1)].into());
    running.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_bootstrapped_once() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_alone(dir.path(), &shelf, quick()).await;
    assert!(!running.group.is_bootstrapped().await.unwrap());
    assert_eq!(running.group.propose(named("early")).await, Err(ProposeError::NotLeader { leader: None }));
    running.group.bootstrap([NodeId(1)].into()).await.unwrap();
    led(&running.group).await;
    let again = running.group.bootstrap([NodeId(1)].into()).await;
    assert_eq!(again, Err(crate::MembershipError::NotPristine));
    assert!(running.group.is_bootstrapped().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_arrive_together_share_entries_and_each_gets_its_own_reply() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    let before = running.group.applied_index();
    let tasks: Vec<_> = (0..2000)
        .map(|number| {
            let group = running.group.clone();
            tokio::spawn(async move { group.propose(named(format!("command {number}"))).await.unwrap() })
        })
        .collect();
    let mut places = BTreeSet::new();
    for task in tasks {
        let proposed = task.await.unwrap();
        let reply = String::from_utf8(proposed.reply.to_vec()).unwrap();
        let parts: Vec<u64> = reply.split('/').map(|part| part.parse().unwrap()).collect();
        assert_eq!(parts[0], proposed.position.index);
        assert_eq!(parts[2], 1, "a command was applied more than once");
        assert!(places.insert((parts[0], parts[1])), "two commands got one reply");
    }
    assert_eq!(shelf.commands(), 2000);
    let entries = running.group.applied_index() - before;
    assert!(entries < 1000, "2,000 commands took {entries} entries");
    assert!(entries >= 2000 / crate::proposer::ENTRY_COMMANDS_MAX as u64);
    assert!(places.iter().all(|(_, place)| *place < 256));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_commands_fill_an_entry_by_bytes() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    let largest = crate::proposer::ENTRY_BYTES_MAX - crate::batch::COMMAND_OVERHEAD_BYTES;
    let tasks: Vec<_> = (0u8..6)
        .map(|number| {
            let group = running.group.clone();
            let command = Bytes::from(vec![number; largest]);
            tokio::spawn(async move { group.propose(command).await.unwrap().position.index })
        })
        .collect();
    let mut indexes = BTreeSet::new();
    for task in tasks {
        indexes.insert(task.await.unwrap());
    }
    assert_eq!(indexes.len(), 6, "two commands of the largest size shared an entry");
    let refused = running.group.propose(Bytes::from(vec![0; largest + 1])).await;
    assert_eq!(refused, Err(ProposeError::TooLarge { bytes: largest + 1, bytes_max: largest }));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_and_queue_are_as_large_as_the_options_say() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let options = GroupOptions { entry_commands: 3, queue_commands: 20, ..quick() };
    let running = start_first(dir.path(), &shelf, options).await;
    shelf.applying.shut();
    let mut waiting = Vec::new();
    let mut refused = 0;
    for number in 0..200 {
        let group = running.group.clone();
        let mut proposal = Box::pin(async move { group.propose(named(number)).await });
        match futures::poll!(&mut proposal) {
            std::task::Poll::Pending => waiting.push(proposal),
            std::task::Poll::Ready(outcome) => {
                assert_eq!(outcome, Err(ProposeError::Overloaded));
                refused += 1;
            }
        }
    }
    assert!(refused >= 100, "only {refused} of 200 were refused by a queue of 20");
    shelf.applying.open();
    let mut entries = std::collections::BTreeMap::new();
    for proposal in waiting {
        *entries.entry(proposal.await.unwrap().position.index).or_insert(0) += 1;
    }
    assert!(entries.len() > 3 && entries.values().all(|commands| *commands <= 3), "{entries:?}");
    assert!(entries.values().any(|commands| *commands == 3), "{entries:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_entries_are_on_their_way_as_the_options_say() {
    for entries_in_flight in [1, 4] {
        let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
        let options = GroupOptions { entries_in_flight, entry_commands: 1, timers: Timers::wan(), ..quick() };
        let running = start_first(dir.path(), &shelf, options).await;
        let before = running.group.metrics().last_log.unwrap();
        // Nothing is applied, so nothing that is on its way arrives.
        shelf.applying.shut();
        let mut answers = tokio::task::JoinSet::new();
        for number in 0..10 {
            let group = running.group.clone();
            answers.spawn(async move { group.propose(named(number)).await });
        }
        let group = running.group.clone();
        let gone = move || group.metrics().last_log.unwrap() - before;
        eventually("as many as may be", || gone() == entries_in_flight as u64).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(gone(), entries_in_flight as u64);
        shelf.applying.open();
        while let Some(answer) = answers.join_next().await {
            answer.unwrap().unwrap();
        }
        running.node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_at_once() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    shelf.applying.shut();
    let mut waiting = Vec::new();
    let mut refused = 0;
    for number in 0..6000 {
        let group = running.group.clone();
        let mut proposal = Box::pin(async move { group.propose(named(number)).await });
        match futures::poll!(&mut proposal) {
            std::task::Poll::Pending => waiting.push(proposal),
            std::task::Poll::Ready(outcome) => {
                assert_eq!(outcome, Err(ProposeError::Overloaded));
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "only {refused} were refused");
    shelf.applying.open();
    let accepted = waiting.len();
    for proposal in waiting {
        proposal.await.unwrap();
    }
    assert_eq!(shelf.commands(), accepted);
    running.group.propose(named("afterwards")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_does_not_come_is_unknown() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let mut options = quick();
    options.timers.propose = Duration::from_millis(500);
    let running = start_first(dir.path(), &shelf, options).await;
    shelf.applying.shut();
    assert_eq!(running.group.propose(named("slow")).await, Err(ProposeError::Unknown));
    shelf.applying.open();
    // Unknown is not refused: here it was committed all along.
    eventually("the command is applied", || shelf.count("slow") == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_group_answers_everyone() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    shelf.applying.shut();
    let tasks: Vec<_> = (0..600)
        .map(|number| {
            let group = running.group.clone();
            tokio::spawn(async move { group.propose(named(number)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let group = running.group.clone();
    let stop = tokio::spawn(running.node.stop());
    let mut outcomes = BTreeMap::new();
    for task in tasks {
        let outcome = tokio::time::timeout(PATIENCE, task).await.expect("answered").unwrap();
        *outcomes.entry(format!("{:?}", outcome.unwrap_err())).or_insert(0) += 1;
    }
    assert!(outcomes.keys().all(|outcome| ["Unknown", "Stopped"].contains(&&outcome[..])), "{outcomes:?}");
    assert!(outcomes["Unknown"] > 0 && outcomes["Stopped"] > 0, "{outcomes:?}");
    shelf.applying.open();
    stop.await.unwrap();
    assert_eq!(group.propose(named("late")).await, Err(ProposeError::Stopped));
    assert!(!group.is_leader());
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_wait_for_what_was_acknowledged() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    let index = running.group.propose(named("bat")).await.unwrap().position.index;
    assert!(running.group.read_barrier().await.unwrap() >= index);
    running.group.wait_applied(index, Duration::ZERO).await.unwrap();
    let never = running.group.wait_applied(index + 1000, Duration::from_millis(50)).await;
    assert_eq!(never, Err(crate::ReadError::TimedOut));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_fails_ends_the_node() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    running.group.propose(named("fine")).await.unwrap();
    shelf.fail_apply.store(true, Ordering::SeqCst);
    assert_eq!(running.group.propose(named("not fine")).await, Err(ProposeError::Unknown));
    eventually("the fault is reported", || !running.faults.seen().is_empty()).await;
    let reported = running.faults.seen().join("; ");
    assert!(reported.contains("the disk is gone"), "{reported}");
    assert_eq!(shelf.count("not fine"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn followers_of_the_log_see_every_command_once_in_order() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    let group = running.group.clone();
    let writer = tokio::spawn(async move {
        for number in 0..200 {
            group.propose(named(number)).await.unwrap();
        }
    });
    let mut followed = Vec::new();
    let mut expected = 0;
    let mut entries = running.group.follow(0);
    while followed.len() < 200 {
        let entry = tokio::time::timeout(PATIENCE, entries.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(entry.position.index, expected);
        expected += 1;
        followed.extend(entry.commands);
    }
    writer.await.unwrap();
    assert_eq!(followed, (0..200).map(named).collect::<Vec<_>>());
    assert!(futures::poll!(entries.next()).is_pending(), "more was followed than committed");
    let mut from_the_middle = running.group.follow(expected - 1);
    let entry = tokio::time::timeout(PATIENCE, from_the_middle.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(entry.position.index, expected - 1);
    running.node.stop().await;
    assert!(matches!(entries.next().await, Some(Err(FollowError::Stopped))));
    assert!(entries.next().await.is_none());
}

#[test]
fn a_group_of_one_does_nothing_while_nobody_asks() {
    // One worker, whose every rest is counted.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
        let running = start_first(dir.path(), &shelf, quick()).await;
        running.group.propose(named("before")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let rests = || tokio::runtime::Handle::current().metrics().worker_park_count(0);
        let before = rests();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let woken = rests() - before;
        // A heartbeat every 60 ms, looked for five times as often, would be more than a hundred.
        assert!(woken < 20, "woken {woken} times in two idle seconds");
        running.group.propose(named("afterwards")).await.unwrap();
        assert_eq!(shelf.commands(), 2);
        running.group.read_barrier().await.unwrap();
    });
}

//! Observers follow a group without being members: by entries, by a snapshot, and through each other.

use super::*;
use crate::{PAGE_WAIT, Page, Source};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Reads from groups of this process; the road can be cut.
#[derive(Clone, Default)]
struct Roads {
    groups: Arc<Mutex<Vec<(NodeId, Group)>>>,
}

impl Roads {
    fn to(groups: impl IntoIterator<Item = (NodeId, Group)>) -> Roads {
        let roads = Roads::default();
        roads.open(groups);
        roads
    }

    fn open(&self, groups: impl IntoIterator<Item = (NodeId, Group)>) {
        *self.groups.lock() = groups.into_iter().collect();
    }

    fn close(&self) {
        self.groups.lock().clear();
    }
}

impl Source for Roads {
    fn page(&self, _: GroupId, from: u64) -> BoxFuture<'_, Result<(NodeId, Page), String>> {
        let groups = self.groups.lock().clone();
        async move {
            for (node, group) in groups {
                if let Ok(page) = group.page(from, PAGE_WAIT / 10).await {
                    // As over a network.
                    return Ok((
                        node,
                        Page::decode(page.encode()).expect("a page is read as it was written"),
                    ));
                }
            }
            Err("nobody answers".into())
        }
        .boxed()
    }

    fn part(
        &self,
        node: NodeId,
        _: GroupId,
        hash: [u8; 32],
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, String>> {
        let groups = self.groups.lock().clone();
        let group = groups.into_iter().find(|(found, _)| *found == node).map(|(_, group)| group);
        async move {
            let group = group.ok_or("the road is cut")?;
            group.snapshot_part(hash, offset).await.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

struct Observer {
    node: Node,
    group: Group,
    shelf: Shelf,
    faults: Faults,
}

impl Observer {
    async fn start(dir: &Path, number: u64, shelf: &Shelf, roads: &Roads) -> Observer {
        let faults = Faults::default();
        let mut options = NodeOptions::new(NodeId(number), "test", dir.join(number.to_string()));
        options.on_fatal = faults.hook();
        let node = Node::open(options).expect("the node opens");
        let options = quick();
        let observed = node.observe_group(GROUP, TestMachine::on(shelf), Arc::new(roads.clone()), &options);
        let group = observed.await.expect("it observes");
        Observer { node, group, shelf: shelf.clone(), faults }
    }

    async fn sees(&self, cluster: &mut Cluster) {
        let index = cluster.put("seen").await.position.index;
        self.group.wait_applied(index, PATIENCE).await.expect("the observer follows");
        let leader = cluster.leader().await;
        eventually("the observer holds what members hold", || {
            self.shelf.rows().len() == cluster.shelf(leader).rows().len()
        })
        .await;
        assert_eq!(self.shelf.rows(), cluster.shelf(leader).rows());
        assert_eq!(self.faults.seen(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_follows_catches_up_by_entries_and_after_longer_by_a_snapshot() {
    let options = GroupOptions { keep_entries: 1, purge_entries: 1, ..quick() };
    let mut cluster = Cluster::of(Wire::Memory, 3, options).await;
    let members: Vec<_> = (1..=3).map(|node| (NodeId(node), cluster.group(node).clone())).collect();
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let roads = Roads::to(members.clone());
    cluster.put("before it came").await;
    let observer = Observer::start(dir.path(), 9, &shelf, &roads).await;
    observer.sees(&mut cluster).await;
    assert!(observer.group.leader().is_some() && !observer.group.is_leader());
    let refused = observer.group.propose(named("from outside")).await;
    assert!(matches!(refused, Err(ProposeError::NotLeader { leader: Some(_) })), "{refused:?}");

    // A short cut.
    roads.close();
    cluster.put("while it was cut off").await;
    roads.open(members.clone());
    observer.sees(&mut cluster).await;

    // A long one: the entries are gone when it is back.
    roads.close();
    for n in 0..20 {
        cluster.put(&format!("long {n}")).await;
    }
    let leader = cluster.leader().await;
    let group = cluster.group(leader).clone();
    group.trigger_snapshot().await.unwrap();
    eventually("the log is purged", || group.metrics().purged.is_some_and(|at| at > 20)).await;
    roads.open([(NodeId(leader), group)]);
    observer.sees(&mut cluster).await;
    assert_eq!(shelf.count("long 19"), 1);

    // Started again it goes on where it was; with nothing left, from the snapshot.
    let Observer { node, .. } = observer;
    node.stop().await;
    let observer = Observer::start(dir.path(), 9, &shelf, &roads).await;
    observer.sees(&mut cluster).await;
    observer.node.stop().await;
    shelf.lose_everything();
    let observer = Observer::start(dir.path(), 9, &shelf, &roads).await;
    observer.sees(&mut cluster).await;
    // Nobody counts it.
    assert_eq!(cluster.group(leader).metrics().learners, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_reads_from_an_observer_and_passes_over_one_that_hears_nothing() {
    let mut cluster = Cluster::of(Wire::Memory, 1, quick()).await;
    let member = (NodeId(1), cluster.group(1).clone());
    let (dir, shelves) = (tempfile::tempdir().unwrap(), [Shelf::default(), Shelf::default()]);
    let far = Roads::to([member.clone()]);
    let first = Observer::start(dir.path(), 8, &shelves[0], &far).await;
    first.sees(&mut cluster).await;
    let near = Roads::to([(NodeId(8), first.group.clone())]);
    let second = Observer::start(dir.path(), 9, &shelves[1], &near).await;
    second.sees(&mut cluster).await;
    far.close();
    eventually("the first notices", || first.group.is_cut_off()).await;
    near.open([(NodeId(8), first.group.clone()), member]);
    second.sees(&mut cluster).await;
    assert!(!second.group.is_cut_off());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_becomes_a_voter() {
    let mut cluster = Cluster::of(Wire::Memory, 1, quick()).await;
    let roads = Roads::to([(NodeId(1), cluster.group(1).clone())]);
    let shelf = cluster.shelves.entry(NodeId(2)).or_default().clone();
    let observer = Observer::start(&cluster.dir.clone(), 2, &shelf, &roads).await;
    observer.sees(&mut cluster).await;
    observer.node.stop().await;
    for node in [2, 3] {
        cluster.start(node).await;
        cluster.group(1).add_learner(NodeId(node)).await.expect("it learns");
    }
    cluster.group(1).set_voters([1, 2, 3].map(NodeId).into()).await.expect("it votes");
    cluster.agreed().await;
    cluster.stop(1).await;
    cluster.put("without the first").await;
    // Now it has a vote to lose.
    assert!(
        !cluster.dir.join("2/group-16/observed").exists() || {
            cluster.stop(2).await;
            cluster.start(2).await;
            !cluster.dir.join("2/group-16/observed").exists()
        }
    );
}

//! Archives of clusters under test, and nodes made from them.

use crate::Cluster;
use crate::cluster::LOG_NAME;
use gearify_node::backup::{
    Archive, Archiver, Maker, Moment, Options, Place, RestoreError, Restored, Rules, Target, restore,
};
use gearify_node::core::Core;
use gearify_replication::NodeId;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the archived cluster is called.
pub const NAME: &str = "home-1";

/// The cluster's archive in a directory.
pub fn in_directory(cluster: &Cluster, dir: &Path) -> Archive {
    let target = Target::open(&Place::Directory(dir.to_owned())).expect("the test's directory takes one");
    target.archive(NAME, cluster.node_vault())
}

/// An archiver on every node; each does something only for the groups that its node leads.
pub fn archivers(cluster: &Cluster, archive: &Archive) -> Vec<Archiver> {
    archivers_with(cluster, archive, "mode = \"development\"")
}

/// The same, of nodes with these settings.
pub fn archivers_with(cluster: &Cluster, archive: &Archive, settings: &str) -> Vec<Archiver> {
    let on = |(node, core): (u64, &Core)| {
        let options = Options {
            interval: Duration::from_secs(3_600),
            rules: Rules::default(),
            master_key: cluster.node_vault().fingerprint(),
            settings: settings.to_owned(),
            scratch: cluster.node_dir(node).join("archiving"),
        };
        Archiver::new(archive.clone(), core, None, cluster.clock(), options)
    };
    cluster.nodes().map(on).collect()
}

/// Everything that is due, on every node.
pub fn pass(cluster: &Cluster, archivers: &mut [Archiver]) {
    for archiver in archivers {
        cluster.block_on(archiver.pass()).expect("the archive takes it");
    }
}

/// Makes node 1 in `dir` from the archive.
pub fn restored(
    cluster: &Cluster,
    archive: &Archive,
    moment: Moment,
    dir: &Path,
) -> Result<Restored, RestoreError> {
    let options = |dir: &Path| cluster.options(1, dir.to_owned(), true);
    let maker = Maker {
        region: 0,
        node: NodeId(1),
        log_name: LOG_NAME.into(),
        master_key: cluster.node_vault().fingerprint(),
        sled_cache_bytes: 8 << 20,
        event_file_bytes: 1 << 20,
        blob_bytes_max: 4 << 20,
        options: &options,
    };
    cluster.block_on(restore(archive, moment, dir, &maker))
}

/// Starts a node that was made, with nobody to serve.
pub fn open(cluster: &Cluster, dir: PathBuf) -> Core {
    cluster.block_on(async {
        let core = Core::start(cluster.options(1, dir, true)).await.expect("a restored node starts");
        core.wait_for_leaders(Duration::from_secs(60)).await.expect("a sole voter leads");
        core
    })
}

//! The way of a backup on the command line: kept while a node runs, listed, verified, restored to a new node,
//! and a single shop out of it brought back beside itself.

use crate::pictures;
use gearify_commerce::catalog::PRODUCTS;
use gearify_commerce::tenants::{self, Status};
use gearify_commerce::{GroupKind, ReadScope, Site, Slug, TenantId};
use gearify_tests::Cluster;
use gearify_tests::http::Host;
use gearify_tests::market::do_it;
use gearify_tests::process::{Serve, gearify, run};
use gearify_tests::shop::{Premises, SLUG};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs `gearify` with the target of the test; what it printed.
#[track_caller]
fn done(data: &Path, archive: &Path, words: &[&str]) -> String {
    let (ok, said) = said(data, archive, words);
    assert!(ok, "{words:?}: {said}");
    said
}

fn said(data: &Path, archive: &Path, words: &[&str]) -> (bool, String) {
    let mut command = gearify(words);
    command.args(["--set", &format!("node.data_dir={}", data.display())]);
    command.args(["--set", &format!("backup.target=file://{}", archive.display())]);
    let ran = run(command);
    (ran.status.success(), format!("{}{}", ran.stdout, ran.stderr))
}

fn tenant(files: &Cluster, slug: &str) -> Option<TenantId> {
    let world = files.node(1).states.of(GroupKind::World);
    let platform = ReadScope::new(&**world, TenantId::PLATFORM, Site::NONE);
    tenants::by_slug(&platform, &Slug::parse(slug).expect("a slug"))
}

fn products(files: &Cluster, tenant: TenantId) -> usize {
    let catalogue = files.node(1).states.of(GroupKind::Catalogue);
    PRODUCTS.list(&ReadScope::new(&**catalogue, tenant, Site::NONE), &(), 100).len()
}

#[test]
fn a_backup_is_kept_verified_and_restored_from_the_command_line() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BAT", 24_900);
    files.stop();
    let place = tempfile::tempdir().expect("a directory for the archive");
    let archive = place.path().join("archive");
    let (data, target) = (premises.data(), format!("file://{}", archive.display()));
    let (ok, why) = said(&data, &archive, &["backup", "now"]);
    assert!(!ok && why.contains("no node runs on"), "{why}");

    let node = premises.serve().set("backup.target", &target).start();
    let picture = premises.runtime.block_on(pictures::upload(&premises.host(&node), 7));
    let told = done(&data, &archive, &["backup", "now"]);
    assert!(["world", "catalogue-0", "region-0"].iter().all(|group| told.contains(group)), "{told}");
    let until = Instant::now() + Duration::from_secs(60);
    let listed = loop {
        let listed = done(&data, &archive, &["backup", "list"]);
        if listed.contains("last archived entry") && listed.contains("  no") {
            break listed;
        }
        assert!(Instant::now() < until, "{listed}");
    };
    assert!(!listed.contains("  yes"), "{listed}");
    let found = done(&data, &archive, &["backup", "verify"]);
    assert!(found.lines().all(|line| line.starts_with("ok ")), "{found}");
    assert!(done(&data, &archive, &["backup", "list"]).contains("  yes"));

    // A copy of the shop beside itself, in the node that runs.
    let (ok, why) = said(&data, &archive, &["restore", "--tenant", SLUG, "--over"]);
    assert!(!ok && why.contains("the shop willow sells: suspend it first"), "{why}");
    let told = done(&data, &archive, &["restore", "--tenant", SLUG, "--as", "willow-before"]);
    assert!(told.contains("1 pictures. It is suspended"), "{told}");
    let (ok, why) = said(&data, &archive, &["restore", "--tenant", SLUG, "--as", "willow-before"]);
    assert!(!ok && why.contains("the name willow-before is taken"), "{why}");
    node.stop();
    let files = premises.open();
    let (shop, copy) = (tenant(&files, SLUG).expect("it is there"), tenant(&files, "willow-before"));
    let copy = copy.expect("it arrived");
    assert_eq!(products(&files, copy), products(&files, shop));
    let world = files.node(1).states.of(GroupKind::World).clone();
    let record = tenants::get(&ReadScope::new(&*world, copy, Site::NONE)).expect("it has a record");
    assert_eq!((record.status, record.domains.len()), (Status::Suspended, 0));
    drop(world);
    files.stop();

    // A new node from the archive alone, and the key.
    let restored = place.path().join("restored");
    let into = restored.display().to_string();
    let told = done(&data, &archive, &["restore", "--into", &into]);
    assert!(told.contains("1 pictures") && told.contains("belongs to no cluster"), "{told}");
    let (ok, why) = said(&data, &archive, &["restore", "--into", &into]);
    assert!(!ok && why.contains("is not empty"), "{why}");
    std::fs::copy(data.join("master.key"), restored.join("master.key")).expect("the key is kept elsewhere");
    let serve = Serve::new(&restored, &place.path().join("restored.log")).set("backup.target", &target);
    let node = serve.start();
    let host = Host::new(node.public, &format!("{SLUG}.localhost"));
    let shown = premises.runtime.block_on(pictures::shown(&host, &picture));
    assert_eq!(shown.as_deref(), Some(&picture.bytes[..]));
    node.stop();
    // Its own archive stands beside that of the node it was made from.
    let own = done(&restored, &archive, &["backup", "list"]);
    assert!(own.starts_with("archive alone-") && own != done(&data, &archive, &["backup", "list"]), "{own}");
    let nobody = place.path().join("nobody");
    let (ok, why) = said(&nobody, &archive, &["backup", "list"]);
    assert!(!ok && why.contains("which archive? --cluster one of: alone-"), "{why}");

    // Somebody ruins the shop: once it is suspended it is put back over itself, as it was before.
    let before = jiff::Timestamp::now().to_string();
    std::thread::sleep(Duration::from_millis(5));
    let mut files = premises.open();
    market.product(&mut files, "MISTAKE", 1);
    do_it(&mut files, shop, tenants::Command::Suspend);
    assert_eq!(products(&files, shop), 2);
    files.stop();
    let node = premises.serve().set("backup.target", &target).start();
    let told = done(&data, &archive, &["restore", "--tenant", SLUG, "--over", "--to", &before]);
    assert!(told.contains("It is suspended"), "{told}");
    node.stop();
    let files = premises.open();
    assert_eq!(products(&files, shop), 1);
    files.stop();
}

//! What an archive has besides entries comes by the cluster's clock, and goes by it.

use gearify_commerce::tenants::{self, Branding};
use gearify_commerce::{GroupKind, ReadScope, Site};
use gearify_node::backup::{Archive, Archiver, Moment, Object};
use gearify_storage::BlobHash;
use gearify_tests::acts::Act;
use gearify_tests::archives::{self, archivers, archivers_with, pass, restored};
use gearify_tests::market::do_it;
use gearify_tests::{Cluster, Scenario, Telling};
use std::collections::BTreeSet;

const DAY: i64 = 24 * 60;
const REGION: u16 = 16;

/// What there is of each kind that does not come every second.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    /// Of the region.
    backups: usize,
    ledgers: usize,
    settings: usize,
    pictures: usize,
    /// Pictures that no shop names any more.
    nameless: usize,
}

fn kept(cluster: &Cluster, archive: &Archive) -> Kept {
    let objects = cluster.block_on(archive.list(None)).unwrap();
    let count = |is: fn(&Object) -> bool| objects.iter().filter(|object| is(object)).count();
    let ledgers: BTreeSet<i64> = objects
        .iter()
        .filter_map(|object| match object {
            Object::Ledger { at_ms, .. } => Some(*at_ms),
            _ => None,
        })
        .collect();
    Kept {
        backups: count(|object| matches!(object, Object::Backup { group: REGION, .. })),
        ledgers: ledgers.len(),
        settings: count(|object| matches!(object, Object::Settings { .. })),
        pictures: count(|object| matches!(object, Object::Blob { .. })),
        nameless: count(|object| matches!(object, Object::Nameless { .. })),
    }
}

/// Gives the shop a logo, as an upload does: first the bytes, then the entry that names them.
fn show(shop: &mut Scenario<Cluster>, logo: &[u8]) -> BlobHash {
    let hash = BlobHash::of(logo);
    for (_, core) in shop.stage.nodes() {
        core.blobs.put(logo).unwrap();
    }
    let tenant = shop.tenant();
    let world = shop.stage.node(1).backend().state(GroupKind::World).clone();
    let record = tenants::get(&ReadScope::new(&*world, tenant, Site::NONE)).unwrap();
    let logo = Some(gearify_commerce::tenants::BlobHash::parse(&hash.to_string()).unwrap());
    let branding = Branding { logo, ..record.branding.value };
    do_it(&mut shop.stage, tenant, tenants::Command::UpdateBranding { expected: None, branding });
    hash
}

fn tidy(cluster: &Cluster, archivers: &mut [Archiver]) {
    for archiver in archivers {
        cluster.block_on(archiver.tidy()).unwrap();
    }
}

#[test]
fn backups_ledgers_settings_and_pictures_come_and_go_by_the_clock() {
    let mut shop = Scenario::on(Cluster::three());
    let dir = tempfile::tempdir().unwrap();
    let archive = archives::in_directory(&shop.stage, &dir.path().join("archive"));
    shop.product("BAT", "249.00").stock("BAT", 400);
    let first = show(&mut shop, b"a bat");
    let mut keepers = archivers(&shop.stage, &archive);
    let sells = |shop: &mut Scenario<Cluster>, name: &str| {
        let who = shop.shopper(name);
        shop.run([who.adds("BAT", 1), who.gives_address(), who.pays()]);
    };
    let begun = Kept { backups: 1, ledgers: 1, settings: 1, pictures: 1, nameless: 0 };
    pass(&shop.stage, &mut keepers);
    assert_eq!(kept(&shop.stage, &archive), begun);

    // An hour from backup to backup, if something was sold.
    sells(&mut shop, "ada");
    shop.run([Act::Minutes(58)]);
    pass(&shop.stage, &mut keepers);
    assert_eq!(kept(&shop.stage, &archive), begun);
    shop.run([Act::Minutes(2)]);
    pass(&shop.stage, &mut keepers);
    assert_eq!(kept(&shop.stage, &archive), Kept { backups: 2, ..begun });

    // Whoever starts with other settings keeps those too, and makes no backup that is there.
    drop(keepers);
    let mut keepers = archivers_with(&shop.stage, &archive, "mode = \"production\"");
    pass(&shop.stage, &mut keepers);
    assert_eq!(kept(&shop.stage, &archive), Kept { backups: 2, settings: 2, ..begun });

    // A day from ledger to ledger; another logo is kept beside the old one.
    show(&mut shop, b"a better bat");
    drop(keepers);
    let mut keepers = archivers(&shop.stage, &archive);
    sells(&mut shop, "bob");
    shop.run([Act::Minutes(DAY)]);
    pass(&shop.stage, &mut keepers);
    let grown = Kept { backups: 3, ledgers: 2, settings: 2, pictures: 2, nameless: 1 };
    assert_eq!(kept(&shop.stage, &archive), grown);
    tidy(&shop.stage, &mut keepers);
    assert_eq!(kept(&shop.stage, &archive), grown, "nothing is old");

    // A week later both copies of the ledger are old; one of that day takes their place.
    shop.run([Act::Minutes(8 * DAY)]);
    pass(&shop.stage, &mut keepers);
    tidy(&shop.stage, &mut keepers);
    let week = kept(&shop.stage, &archive);
    assert_eq!((week.ledgers, week.pictures, week.nameless), (1, 2, 1));

    // After 36 more days one backup is enough for all positions; the newest of all is another one.
    sells(&mut shop, "carla");
    shop.run([Act::Minutes(36 * DAY)]);
    sells(&mut shop, "dora");
    pass(&shop.stage, &mut keepers);
    tidy(&shop.stage, &mut keepers);
    let later = kept(&shop.stage, &archive);
    assert_eq!((later.backups, later.settings, later.pictures), (2, 2, 2));

    // The old logo goes 90 days after the shop had another one, and not the new one.
    shop.run([Act::Minutes(46 * DAY)]);
    pass(&shop.stage, &mut keepers);
    tidy(&shop.stage, &mut keepers);
    let last = kept(&shop.stage, &archive);
    assert_eq!((last.pictures, last.nameless, last.settings), (1, 0, 2));
    assert!(shop.stage.block_on(archive.get(&Object::Blob { hash: first })).is_err());

    // What is left is whole.
    let newest = shop.stage.agreed();
    let made = restored(&shop.stage, &archive, Moment::Newest, &dir.path().join("node")).unwrap();
    assert_eq!((made.groups[2].index, made.groups[2].state_hash), newest[&GroupKind::Region]);
    assert_eq!(made.blobs, 1);
    drop(keepers);
    shop.stage.stop();
}

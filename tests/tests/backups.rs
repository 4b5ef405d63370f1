//! Backups: any moment comes back as it was, on a node that the old ones do not know, and nobody who was
//! erased comes back with it.

#[path = "backups/bucket.rs"]
mod bucket;
#[path = "backups/calendar.rs"]
mod calendar;
#[path = "backups/lag.rs"]
mod lag;
#[path = "backups/shards.rs"]
mod shards;

use gearify_commerce::customers::{self, CUSTOMERS};
use gearify_commerce::intent::{CustomerIntent, Intent};
use gearify_commerce::orders::ORDERS;
use gearify_commerce::sealed::{self, PERSON_KEYS};
use gearify_commerce::{Actor, CustomerId, GroupKind, Locale, ReadScope, Site, Timestamp};
use gearify_node::backup::{Archive, Moment, Object, Place, Target};
use gearify_node::core::Core;
use gearify_node::doctor;
use gearify_node::state::GROUPS;
use gearify_node::vault::NodeVault;
use gearify_replication::{GroupOptions, Timers};
use gearify_storage::seal::{MasterKey, SystemRandom};
use gearify_tests::acts::Act;
use gearify_tests::archives::{self, NAME, archivers, pass, restored};
use gearify_tests::files::holding;
use gearify_tests::stage::Stage;
use gearify_tests::{Cluster, Scenario, Telling};
use std::collections::BTreeMap;

type Hashes = BTreeMap<(GroupKind, u64), [u8; 32]>;

/// What the nodes say of the state at the entries where they stand now.
fn note(shop: &mut Scenario<Cluster>, seen: &mut Hashes) {
    for (_, core) in shop.stage.nodes() {
        for kind in GROUPS {
            let applied = core.states.of(kind).applied().unwrap();
            let known = seen.insert((kind, applied.index), applied.state_hash);
            assert!(known.is_none_or(|known| known == applied.state_hash));
        }
    }
}

#[test]
fn any_position_is_restored_as_it_was_whoever_archived_it() {
    let small = GroupOptions {
        timers: Timers::lan(),
        // Entries leave the log long before the story ends.
        keep_entries: 0,
        purge_entries: 1,
        ..GroupOptions::default()
    };
    let mut shop = Scenario::on(Cluster::three_with(small));
    let dir = tempfile::tempdir().unwrap();
    let archive = archives::in_directory(&shop.stage, &dir.path().join("archive"));
    let mut archivers = archivers(&shop.stage, &archive);
    let mut seen = Hashes::new();
    pass(&shop.stage, &mut archivers);
    let set_up = shop.stage.node(1).backend().state(GroupKind::Region).applied_index();
    shop.product("BAT", "249.00").stock("BAT", 400);
    for n in 0..24 {
        let who = shop.shopper(&format!("shopper-{n}"));
        let acts = [who.adds("BAT", 1), who.gives_address(), who.pays(), Act::Minutes(3)];
        for act in acts {
            shop.run([act]);
            note(&mut shop, &mut seen);
        }
        // The archive is behind for a while, and the log purged as soon as it is not; half-way another node
        // leads.
        if n % 5 == 4 {
            pass(&shop.stage, &mut archivers);
            shop.stage.purge();
        }
        if n == 12 {
            shop.stage.pass_leadership_on();
        }
        if n == 16 {
            for archiver in &mut archivers {
                shop.stage.block_on(archiver.backup_now()).unwrap();
            }
        }
    }
    pass(&shop.stage, &mut archivers);
    let newest = shop.stage.agreed();
    // Up to the last backup, what came every few minutes is in one object by now.
    let logs = |archive: &Archive| shop.stage.block_on(archive.list(Some("log/00016"))).unwrap().len();
    let before = logs(&archive);
    for archiver in &mut archivers {
        shop.stage.block_on(archiver.tidy()).unwrap();
    }
    assert!(logs(&archive) < before, "{} of {before}", logs(&archive));
    drop(archivers);

    let regional: Vec<u64> = seen
        .keys()
        .filter(|(kind, index)| *kind == GroupKind::Region && *index > set_up)
        .map(|(_, i)| *i)
        .collect();
    assert!(regional.len() > 60, "{regional:?}");
    // 20 of them, another choice each time.
    let start: usize = rand::random_range(0..regional.len());
    for n in 0..20 {
        let index = regional[(start + n * regional.len() / 20) % regional.len()];
        let into = dir.path().join(format!("restored-{n}"));
        let moment = Moment::Position { group: GroupKind::Region.into(), index };
        let restored = restored(&shop.stage, &archive, moment, &into).unwrap();
        let region = restored.groups.iter().find(|group| group.group == "region-0").unwrap();
        assert_eq!(region.index, index);
        assert_eq!(region.state_hash, seen[&(GroupKind::Region, index)], "entry {index}");
        std::fs::remove_dir_all(into).unwrap();
    }

    let into = dir.path().join("newest");
    let restored = restored(&shop.stage, &archive, Moment::Newest, &into).unwrap();
    for (kind, group) in GROUPS.iter().zip(&restored.groups) {
        assert_eq!((group.index, group.state_hash), newest[kind]);
    }
    // The node goes on: its files hold together, its projections are those of the old ones, and it sells.
    let before = shop.stage.projections(1);
    let core = archives::open(&shop.stage, into);
    assert_eq!(shop.stage.block_on(doctor::contents(&core)).unwrap(), before);
    let findings = doctor::examine(&core, true, |_| true);
    assert!(findings.iter().all(|finding| finding.ok), "{findings:?}");
    let orders = |core: &Core| {
        let state = core.states.of(GroupKind::Region).clone();
        ORDERS.list(&ReadScope::new(&*state, shop.tenant(), Site::FIRST), &(), 100).len()
    };
    assert_eq!((orders(&core), orders(shop.stage.node(1))), (24, 24));
    shop.stage.block_on(core.stop());
    // Nothing that identifies anybody is in the archive in the clear, nor what anything is called.
    assert_eq!(holding(&dir.path().join("archive"), &["shopper-1", "Crease Lane"]), []);
    shop.stage.stop();
}

#[test]
fn who_was_erased_stays_erased_in_a_backup_from_before() {
    let mut shop = Scenario::on(Cluster::three());
    let dir = tempfile::tempdir().unwrap();
    let archive = archives::in_directory(&shop.stage, &dir.path().join("archive"));
    let mut archivers = archivers(&shop.stage, &archive);
    let tenant = shop.tenant();
    let register = CustomerIntent::Register {
        email: "ada@marker.example".into(),
        name: "Ada Marker".into(),
        password_hash: "$argon2id$x".into(),
        locale: Locale::parse("en-GB").unwrap(),
    };
    let reply = shop.stage.submit(tenant, Actor::System, None, Intent::Customer(register)).unwrap();
    let gone = CustomerId::from_bits(reply.id.unwrap());
    let (before, at) = (applied(&shop), shop.stage.now());
    pass(&shop.stage, &mut archivers);
    shop.run([Act::Minutes(60)]);
    let erase = Intent::from(customers::Command::Erase { customer: gone });
    shop.stage.submit(tenant, Actor::System, None, erase).unwrap();
    shop.run([Act::Minutes(60)]);
    pass(&shop.stage, &mut archivers);
    drop(archivers);

    let moments = [
        Moment::Position { group: GroupKind::Region.into(), index: before },
        Moment::Time(at.plus_millis(60_000)),
        Moment::Newest,
    ];
    for (n, moment) in moments.into_iter().enumerate() {
        let into = dir.path().join(format!("restored-{n}"));
        let restored = restored(&shop.stage, &archive, moment, &into).unwrap();
        assert_eq!(restored.erased > 0, moment != Moment::Newest);
        let core = archives::open(&shop.stage, into);
        let state = core.states.of(GroupKind::Region).clone();
        let view = ReadScope::new(&*state, tenant, Site::FIRST);
        let person = customers::person_of(gone);
        assert!(CUSTOMERS.get(&view, &gone).is_none(), "{moment:?}");
        assert!(!PERSON_KEYS.contains(&view, &person) && sealed::ERASED.contains(&view, &person));
        shop.stage.block_on(core.stop());
    }
    shop.stage.stop();
}

fn applied(shop: &Scenario<Cluster>) -> u64 {
    shop.stage.nodes().map(|(_, core)| core.backend().state(GroupKind::Region).applied_index()).max().unwrap()
}

#[test]
fn entries_that_left_the_log_unarchived_are_in_the_backup_that_stands_in_for_them() {
    let small =
        GroupOptions { timers: Timers::lan(), keep_entries: 0, purge_entries: 1, ..GroupOptions::default() };
    let mut shop = Scenario::on(Cluster::three_with(small));
    let dir = tempfile::tempdir().unwrap();
    let archive = archives::in_directory(&shop.stage, &dir.path().join("archive"));
    let mut archivers = archivers(&shop.stage, &archive);
    pass(&shop.stage, &mut archivers);
    let before = shop.stage.agreed()[&GroupKind::Region];
    shop.product("BAT", "249.00").stock("BAT", 4);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.pays()]);
    let missed = applied(&shop) - 1;
    shop.stage.purge();
    pass(&shop.stage, &mut archivers);
    let after = shop.stage.agreed()[&GroupKind::Region];
    let region = |moment, into: &str| {
        let restored = restored(&shop.stage, &archive, moment, &dir.path().join(into));
        restored.map(|restored| (restored.groups[2].index, restored.groups[2].state_hash))
    };
    let at = |index| Moment::Position { group: GroupKind::Region.into(), index };
    assert_eq!(region(at(before.0), "before").unwrap(), before);
    assert_eq!(region(Moment::Newest, "after").unwrap(), after);
    let gap = region(at(missed), "missed").unwrap_err().to_string();
    assert_eq!(gap, format!("region-0: entry {missed} is not in the archive"));
    drop(archivers);
    shop.stage.stop();
}

#[test]
fn what_can_t_be_restored_says_why() {
    let mut shop = Scenario::on(Cluster::three());
    shop.product("BAT", "249.00").stock("BAT", 4);
    let dir = tempfile::tempdir().unwrap();
    let archive = archives::in_directory(&shop.stage, &dir.path().join("archive"));
    pass(&shop.stage, &mut archivers(&shop.stage, &archive));
    let fails = |moment, into: &str| {
        restored(&shop.stage, &archive, moment, &dir.path().join(into)).unwrap_err().to_string()
    };
    let far = Moment::Position { group: GroupKind::Region.into(), index: 1_000_000 };
    assert_eq!(fails(far, "a"), "region-0: entry 1000000 is not in the archive");
    let old = Moment::Time(Timestamp::from_millis(1));
    assert!(fails(old, "b").contains("the archive has nothing of the group from before that moment"));
    assert!(fails(Moment::Newest, "archive").contains("is not empty"));

    // Another master key opens nothing.
    let other = MasterKey::generate(&SystemRandom).unwrap();
    let place = Place::Directory(dir.path().join("archive"));
    let strange = Target::open(&place).unwrap().archive(NAME, &NodeVault::new(other));
    let refused = restored(&shop.stage, &strange, Moment::Newest, &dir.path().join("strange")).unwrap_err();
    assert!(refused.to_string().contains("is not sealed with this master key"), "{refused}");

    // One flipped bit, an object in another's place, one that is missing: none of them is overlooked.
    let logs = shop.stage.block_on(archive.list(Some("log/00016"))).unwrap();
    let path = |object: &Object| dir.path().join("archive").join(NAME).join(object.name());
    let parts = shop.stage.block_on(archive.list(Some("part/00016"))).unwrap();
    let part = std::fs::read(path(&parts[0])).unwrap();
    let mut flipped = part.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(path(&parts[0]), &flipped).unwrap();
    assert!(fails(Moment::Newest, "c").contains("is damaged, or is not sealed with this master key"));
    std::fs::write(path(&parts[0]), std::fs::read(path(&logs[0])).unwrap()).unwrap();
    assert!(fails(Moment::Newest, "d").contains("is damaged, or is not sealed with this master key"));
    std::fs::remove_file(path(&parts[0])).unwrap();
    assert!(fails(Moment::Newest, "e").contains("is missing in the archive"));
    std::fs::write(path(&parts[0]), part).unwrap();
    restored(&shop.stage, &archive, Moment::Newest, &dir.path().join("f")).unwrap();
    shop.stage.stop();
}

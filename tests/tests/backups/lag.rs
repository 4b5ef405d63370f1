//! How far the archive is behind is told while it is, and made up for afterwards.

use gearify_node::backup::{Archiver, BackupError, Moment};
use gearify_node::state::{GROUPS, group_name};
use gearify_tests::archives::{self, archivers, pass, restored};
use gearify_tests::{Cluster, Scenario, Telling};
use std::time::{Duration, Instant};

#[test]
fn an_archive_that_can_t_be_reached_is_told_of_and_caught_up_with() {
    let mut shop = Scenario::on(Cluster::three());
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("archive");
    let archive = archives::in_directory(&shop.stage, &place);
    let mut archivers = archivers(&shop.stage, &archive);
    pass(&shop.stage, &mut archivers);
    let leads_region = |archiver: &&mut Archiver| archiver.lag().groups().contains_key("region-0");
    assert!(archivers.iter().all(|archiver| archiver.lag().longest() == Duration::ZERO));

    // Somebody put a file where the archive was.
    std::fs::rename(&place, dir.path().join("elsewhere")).unwrap();
    std::fs::write(&place, "not a directory").unwrap();
    shop.product("BAT", "249.00").stock("BAT", 4);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.pays()]);
    let archiver = archivers.iter_mut().find(leads_region).expect("somebody leads the region");
    let begun = Instant::now();
    let failed = shop.stage.block_on(archiver.ship_all()).unwrap_err();
    assert!(matches!(failed, BackupError::Archive(_)), "{failed}");
    let lag = archiver.lag().groups()["region-0"].clone();
    assert!(lag.waiting_since.is_some_and(|since| since >= begun) && lag.fault.is_some(), "{lag:?}");
    shop.stage.block_on(archiver.ship_all()).unwrap_err();
    assert_eq!(archiver.lag().groups()["region-0"].waiting_since, lag.waiting_since, "it goes on waiting");
    assert!(archiver.lag().longest() > Duration::ZERO);

    std::fs::remove_file(&place).unwrap();
    std::fs::rename(dir.path().join("elsewhere"), &place).unwrap();
    pass(&shop.stage, &mut archivers);
    let newest = shop.stage.agreed();
    for archiver in &archivers {
        assert_eq!(archiver.lag().longest(), Duration::ZERO);
        for (group, lag) in archiver.lag().groups() {
            let kind = GROUPS.iter().find(|kind| group_name(**kind) == group).unwrap();
            assert_eq!((lag.fault, lag.shipped), (None, newest[kind].0), "{group}");
        }
    }
    let made = restored(&shop.stage, &archive, Moment::Newest, &dir.path().join("node")).unwrap();
    for (kind, group) in GROUPS.iter().zip(&made.groups) {
        assert_eq!((group.index, group.state_hash), newest[kind]);
    }
    assert_eq!(shop.stage.block_on(archive.list(Some("backup"))).unwrap().len(), GROUPS.len());
    drop(archivers);
    shop.stage.stop();
}

//! An archive in a store as S3 has it.

use gearify_node::backup::{Moment, Place, Target};
use gearify_node::state::GROUPS;
use gearify_tests::archives::{NAME, archivers, pass, restored};
use gearify_tests::{Cluster, Scenario, Telling};
use std::time::{Duration, Instant};

/// A store as S3 has it, on loopback, for as long as the value lives.
struct Bucket {
    server: std::process::Child,
    port: u16,
}

impl Bucket {
    fn open() -> Bucket {
        let port = gearify_tests::process::free_address().port();
        let server = std::process::Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        let server = server.expect("`moto_server` is missing: python3 -m pip install 'moto[server,s3]'");
        Bucket { server, port }
    }

    async fn make(&self, name: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        let url = format!("http://127.0.0.1:{}/{name}", self.port);
        while !reqwest::Client::new().put(&url).send().await.is_ok_and(|made| made.status().is_success()) {
            assert!(Instant::now() < until, "the store does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn an_archive_in_a_bucket_is_restored_like_one_in_a_directory() {
    let bucket = Bucket::open();
    let mut shop = Scenario::on(Cluster::three());
    shop.product("BAT", "249.00").stock("BAT", 4);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.pays()]);
    let place = Place::S3 {
        bucket: "gearify-backups".into(),
        prefix: "of/shops".into(),
        endpoint: format!("http://127.0.0.1:{}", bucket.port),
        region: "us-east-1".into(),
        key: Some(("a-key-of-the-test".into(), "a-secret-of-the-test".into())),
    };
    shop.stage.block_on(bucket.make("gearify-backups"));
    let target = Target::open(&place).unwrap();
    let archive = target.archive(NAME, shop.stage.node_vault());
    pass(&shop.stage, &mut archivers(&shop.stage, &archive));
    assert_eq!(shop.stage.block_on(target.clusters()).unwrap(), [NAME]);
    let newest = shop.stage.agreed();
    let dir = tempfile::tempdir().unwrap();
    let restored = restored(&shop.stage, &archive, Moment::Newest, &dir.path().join("node")).unwrap();
    for (kind, group) in GROUPS.iter().zip(&restored.groups) {
        assert_eq!((group.index, group.state_hash), newest[kind]);
    }
    let first = shop.stage.block_on(archive.list(Some("log"))).unwrap().remove(0);
    for _ in 0..2 {
        shop.stage.block_on(archive.remove(&first)).unwrap();
    }
    let gone = shop.stage.block_on(archive.get(&first)).unwrap_err().to_string();
    assert!(gone.ends_with("is missing in the archive"), "{gone}");
    shop.stage.stop();
}

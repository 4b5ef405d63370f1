//! A backup restored: how long a node of many orders takes from the archive to its first answer.
//!
//! `cargo bench -p gearify-benches --bench restore` places 100,000 orders in process (`ORDERS` says how many
//! else), archives them to a directory, and restores that twice: from a backup of the state, and from the
//! entries alone. The floor is what no restore can do without: everything in the archive read, opened, and
//! written to a file that is synced.

use anyhow::{Context, Result, ensure};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::{Actor, GroupKind};
use gearify_node::backup::{Archive, Archiver, Maker, Moment, Options, Place, Rules, Target, restore};
use gearify_node::core::Core;
use gearify_replication::NodeId;
use gearify_tests::acts::placing_key;
use gearify_tests::cluster::LOG_NAME;
use gearify_tests::{Cluster, Scenario, Stage, Telling, stage};
use gearify_web::ports::SubmitError;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Orders placed at a time.
const ROUND: usize = 1_000;
const LONG: Duration = Duration::from_secs(3_600);

#[expect(clippy::print_stdout, reason = "the figures are its purpose")]
fn main() -> Result<()> {
    // Anything else than `cargo bench` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let orders = std::env::var("ORDERS").map_or(Ok(100_000), |orders| orders.parse())?;
    let dir = tempfile::tempdir()?;
    let node = dir.path().join("node");
    std::fs::create_dir(&node)?;
    let mut shop = Scenario::on(Cluster::at(&node));
    shop.product("BAT", "49.00").stock("BAT", 1_000_000);
    let target = Target::open(&Place::Directory(dir.path().join("archive")))?;
    let archive = target.archive("bench", shop.stage.node_vault());
    let options = Options {
        interval: LONG,
        rules: Rules::default(),
        master_key: shop.stage.node_vault().fingerprint(),
        settings: String::new(),
        scratch: dir.path().join("archiving"),
    };
    let mut archiver = Archiver::new(archive.clone(), shop.stage.node(1), None, shop.stage.clock(), options);
    let begun = Instant::now();
    for round in 0..orders / ROUND {
        place(&mut shop, round)?;
        shop.stage.block_on(archiver.ship_all())?;
    }
    println!("{orders} orders placed and archived in {:?}", begun.elapsed());
    let index = shop.stage.node(1).backend().state(GroupKind::Region).applied_index();
    restored(&shop, &archive, index, &dir.path().join("entries"), "from entries alone")?;
    let begun = Instant::now();
    shop.stage.block_on(archiver.backup_now())?;
    println!("a backup of the state takes {:?}", begun.elapsed());
    let index = shop.stage.node(1).backend().state(GroupKind::Region).applied_index();
    restored(&shop, &archive, index, &dir.path().join("backup"), "from the backup")?;
    floor(&shop, &archive, &dir.path().join("floor"))?;
    drop(archiver);
    shop.stage.stop();
    Ok(())
}

/// Fills carts and orders them, all at a time, step by step.
fn place(shop: &mut Scenario<Cluster>, round: usize) -> Result<()> {
    let shoppers: Vec<_> =
        (0..ROUND).map(|number| shop.shopper(&format!("shopper-{round}-{number}"))).collect();
    let steps = shoppers.iter().map(|who| {
        let [contact, addresses, rate] = shop.addressing(who);
        let adding = Intent::Cart(shop.adding(who, "BAT", 1, &[]));
        [adding, contact, addresses, rate, shop.placing(who, "manual", None)]
    });
    let steps: Vec<[Intent; 5]> = steps.collect();
    let last = steps[0].len() - 1;
    for step in 0..=last {
        let requests: Vec<Request> = shoppers
            .iter()
            .zip(&steps)
            .enumerate()
            .map(|(number, (who, intents))| {
                let serial = ((round * ROUND + number) * intents.len() + step) as u128;
                let key = (step == last).then(|| placing_key(who));
                let (vault, tenant) = (shop.stage.vault(), shop.market.tenant);
                stage::request(vault, tenant, Actor::Guest, key.as_deref(), serial, intents[step].clone())
            })
            .collect();
        submit(shop, requests)?;
    }
    Ok(())
}

fn submit(shop: &Scenario<Cluster>, requests: Vec<Request>) -> Result<()> {
    let backend = shop.stage.node(1).backend().clone();
    shop.stage.block_on(async {
        let submitting = requests.into_iter().map(|request| {
            let backend = backend.clone();
            tokio::spawn(async move {
                loop {
                    match backend.submit_now(&request).await {
                        // A slow machine; asked again under the same command id.
                        Err(SubmitError::Unknown | SubmitError::Overloaded) => {}
                        decided => return decided,
                    }
                }
            })
        });
        for submitted in submitting.collect::<Vec<_>>() {
            let decided = submitted.await.context("a request ends")??;
            ensure!(decided.result.is_ok(), "it was refused: {:?}", decided.result);
        }
        Ok(())
    })
}

/// Restores into `dir`, starts the node, and waits until everything it computes is there.
#[expect(clippy::print_stdout, reason = "the figures are its purpose")]
fn restored(shop: &Scenario<Cluster>, archive: &Archive, index: u64, dir: &Path, what: &str) -> Result<()> {
    let options = |dir: &Path| shop.stage.options(1, dir.to_owned(), true);
    let maker = Maker {
        region: 0,
        node: NodeId(1),
        log_name: LOG_NAME.into(),
        master_key: shop.stage.node_vault().fingerprint(),
        sled_cache_bytes: 64 << 20,
        event_file_bytes: 256 << 20,
        blob_bytes_max: 4 << 20,
        options: &options,
    };
    let begun = Instant::now();
    let moment = Moment::Newest;
    let restored = shop.stage.block_on(restore(archive, moment, dir, &maker))?;
    ensure!(restored.groups.iter().any(|group| group.index >= index), "it is not the newest");
    let made = begun.elapsed();
    let core = shop.stage.block_on(Core::start(shop.stage.options(1, dir.to_owned(), true)))?;
    shop.stage.block_on(core.wait_for_leaders(LONG))?;
    let serving = begun.elapsed();
    ensure!(shop.stage.block_on(core.projected(LONG)), "projections are behind");
    println!(
        "{what}: restored in {made:?}, serves after {serving:?}, ledger and lists after {:?}",
        begun.elapsed()
    );
    shop.stage.block_on(core.stop());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are its purpose")]
fn floor(shop: &Scenario<Cluster>, archive: &Archive, path: &Path) -> Result<()> {
    let (begun, mut bytes) = (Instant::now(), 0);
    let mut file = std::fs::File::create(path)?;
    shop.stage.block_on(async {
        for object in archive.list(None).await? {
            let content = archive.get(&object).await?;
            bytes += content.len();
            file.write_all(&content)?;
        }
        anyhow::Ok(())
    })?;
    file.sync_all()?;
    println!("the floor, {} MiB read, opened and written: {:?}", bytes >> 20, begun.elapsed());
    Ok(())
}

//! What the engine costs without HTTP: applying a checkout, appending to the log.

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gearify_benches::etcd::ORDER_PUTS;
use gearify_commerce::GroupKind;
use gearify_storage::raftlog::{LogRow, RaftLog, RaftLogOptions};
use gearify_tests::{Pure, Scenario, Telling};
use std::collections::BTreeSet;
use std::hint::black_box;

/// A shop at the moment before an order is placed, and the entry that places it.
fn before_checkout() -> (Vec<(GroupKind, Vec<u8>)>, Vec<u8>) {
    let mut shop = Scenario::new();
    for sku in ["BAT", "PADS", "GLOVES"] {
        shop.product(sku, "49.00").stock(sku, 1_000);
    }
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.adds("PADS", 1), ada.adds("GLOVES", 2), ada.gives_address()]);
    let prepared = shop.stage.log.len();
    shop.run([ada.pays_later()]);
    let entry = shop.stage.log[prepared].1.clone();
    let mut log = shop.stage.log.clone();
    log.truncate(prepared);
    (log, entry)
}

/// The floor of three nodes writes as many rows to etcd as an order writes here.
fn count_rows(log: &[(GroupKind, Vec<u8>)], entry: &[u8]) {
    let mut shop = Pure::replay(log);
    let before: BTreeSet<_> = shop.rows().into_iter().flat_map(|(_, rows)| rows).collect();
    shop.apply(GroupKind::Region, entry);
    let written = shop.rows().into_iter().flat_map(|(_, rows)| rows).filter(|row| !before.contains(row));
    assert_eq!(written.count(), ORDER_PUTS, "gearify_benches::etcd says how many rows an order writes");
}

fn apply_checkout(criterion: &mut Criterion) {
    let (log, entry) = before_checkout();
    count_rows(&log, &entry);
    criterion.bench_function("apply a checkout entry, 3 lines", |bench| {
        bench.iter_batched(
            || Pure::replay(&log),
            |mut shop| black_box(shop.apply(GroupKind::Region, &entry)),
            BatchSize::SmallInput,
        );
    });
}

fn log_append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log append, durable");
    for rows in [1u64, 16, 128] {
        let dir = tempfile::tempdir().expect("a folder for the log");
        let log = RaftLog::open(RaftLogOptions::new(dir.path(), &b"bench"[..])).expect("a fresh log opens");
        let own = log.group(16);
        let mut next = 1;
        group.throughput(Throughput::Elements(rows));
        group.bench_function(BenchmarkId::from_parameter(rows), |bench| {
            bench.iter(|| {
                let batch = (next..next + rows).map(|index| LogRow {
                    index,
                    term: vec![1; 16].into(),
                    body: vec![7; 512].into(),
                });
                let (done, written) = std::sync::mpsc::sync_channel(1);
                own.append(batch.collect(), Box::new(move |result| drop(done.send(result))))
                    .expect("the log takes rows");
                next += rows;
                written.recv().expect("the writer answers").expect("the disk takes rows");
            });
        });
    }
    group.finish();
}

criterion_group!(benches, apply_checkout, log_append);
criterion_main!(benches);

//! Looks a stopped node's files over: are they whole, and do they agree with each other.
//!
//! The event history is the measure: every projection is computed from it, so a projection that is
//! deleted and computed again must come out the same. With `audit`, everything is read: checksums of log,
//! snapshots, history and pictures; sums of stock, orders and payments (`audit`), and the ledger beside them.
//! What a healthy node of the same group must share with another at the same entry, the hash of a group's
//! rows and of every projected table, is told so that it can be compared.

mod index;

use crate::audit;
use crate::backend::GroupHandle;
use crate::blobs;
use crate::core::{Core, CoreError};
use crate::projectors::{Progress, ledger, shard_name};
use crate::shards::ShardParts;
use crate::state::{AppliedRow, LOCAL};
use gearify_commerce::event::Envelope;
use gearify_commerce::placement::SHARDS_MAX;
use gearify_commerce::scope::{last_sequence, scope_prefix};
use gearify_commerce::{ReadScope, Shard};
use gearify_storage::state_hash::hash_rows;
use gearify_storage::{BlobError, EventPosition, ProjectionDb, ProjectionError, StorageError, decode};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Computing everything again may take this long.
const REBUILD_WAIT: Duration = Duration::from_secs(3_600);

/// What was looked at, and how it is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Finding {
    pub check: String,
    pub ok: bool,
    pub detail: String,
}

impl Finding {
    fn new(check: impl Into<String>, ok: bool, detail: impl Into<String>) -> Finding {
        Finding { check: check.into(), ok, detail: detail.into() }
    }

    fn of<T>(
        check: impl Into<String>,
        result: Result<T, impl std::fmt::Display>,
        say: impl Fn(T) -> (bool, String),
    ) -> Finding {
        let (ok, detail) = result.map_or_else(|error| (false, error.to_string()), say);
        Finding::new(check, ok, detail)
    }
}

/// Checks an opened node; `is_home` says whether its region sells for shops with that home. That it opened says that
/// the raft log's checksums hold: opening reads all of it.
pub fn examine(core: &Core, audit: bool, is_home: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mended = core.mended.all().into_iter().map(|(what, reason)| {
        Finding::new(format!("mended {what}"), false, format!("was damaged, and is made again: {reason}"))
    });
    let mut findings: Vec<Finding> = mended.collect();
    findings.push(Finding::new("raft log", true, "every row has its checksum, and none is missing"));
    for (_, handle) in core.backend().groups() {
        let (name, history) = (handle.state.name(), &handle.history);
        findings.push(Finding::of(format!("state of {name}"), state_of(handle), |(applied, waiting)| {
            // Events wait for the history after a sudden stop; the next start moves them. A history that
            // is ahead of the state it tells about is another matter.
            let ok = history.position() <= applied.index;
            let hash = blake3::Hash::from(applied.state_hash).to_hex();
            let detail = format!(
                "applied to {}, {waiting} events not yet in the history, hash {}",
                applied.index,
                &hash[..16]
            );
            (ok, detail)
        }));
        if audit {
            findings.push(Finding::of(format!("history of {name}"), history.verify(), |seen| {
                (
                    true,
                    format!("{} events in {} files, through entry {}", seen.rows, seen.files, seen.through),
                )
            }));
            findings.push(Finding::of(format!("events of {name}"), gaps(handle), |(sites, wrong)| {
                (
                    wrong.is_empty(),
                    match wrong.is_empty() {
                        true => format!("of {sites} sites, numbered without gaps up to what the state says"),
                        false => wrong.join("; "),
                    },
                )
            }));
            let rows = hash_rows(&*handle.state.engine(), b"", &[LOCAL]);
            findings.push(Finding::of(format!("rows of {name}"), rows, |hash| {
                (true, format!("hash {}", &blake3::Hash::from(hash).to_hex()[..16]))
            }));
            let snapshot = handle.group.verify_snapshot();
            findings.push(Finding::of(format!("snapshot of {name}"), snapshot, |covered| {
                (true, covered.map_or("none".to_owned(), |index| format!("whole, of entry {index}")))
            }));
        }
    }
    if audit {
        findings.extend(core.shards.open().flat_map(|(shard, parts)| sums(shard, parts)));
    }
    if audit {
        findings.extend(core.shards.open().flat_map(|(shard, parts)| {
            [("ledger", &parts.ledger_db), ("lists", &parts.lists_db)].map(|(base, db)| {
                Finding::of(format!("sums of {}", file_of(base, shard)), db.verify(), |damage| {
                    let advice = |what| format!("{what}: --rebuild makes it again");
                    (damage.is_none(), damage.map_or("every row adds up".to_owned(), advice))
                })
            })
        }));
    }
    for (shard, parts) in core.shards.open() {
        let check = shard_name("ledger", shard);
        findings.push(Finding::of(check, ledger::balance(&parts.ledger_db), |balance| {
            let ok = balance.unbalanced_events == 0 && balance.wrong_sums == 0;
            let detail = format!(
                "{} payments, {} postings, {} events out of balance, {} wrong sums, {} discrepancies with providers",
                balance.payments,
                balance.postings,
                balance.unbalanced_events,
                balance.wrong_sums,
                balance.discrepancies
            );
            (ok, detail)
        }));
    }
    findings.extend(core.board.rows().into_iter().map(|(name, progress)| projector(core, name, &progress)));
    findings.push(index::compare(core));
    if audit {
        findings.push(pictures(core, is_home));
    }
    findings
}

/// Whether a projector has taken in what the histories have, and nothing beyond.
fn projector(core: &Core, name: &str, progress: &Progress) -> Finding {
    let end = |group: &str| {
        let handle = core.backend().groups().find(|(_, handle)| handle.state.name() == group);
        handle.map(|(_, handle)| handle.history.position())
    };
    let mut ends = progress.seen.iter().filter_map(|(group, seen)| Some((*group, *seen, end(group)?)));
    let ahead = ends.find(|(_, seen, end)| seen > end);
    let lag: u64 = progress.lag.values().sum();
    let (ok, detail) = match (&progress.fault, ahead) {
        (Some(fault), _) => (false, fault.clone()),
        (None, Some((group, seen, end))) => {
            (false, format!("is at entry {seen} of {group}, whose history ends at {end}"))
        }
        (None, None) => (lag == 0, format!("{lag} entries behind")),
    };
    Finding::new(format!("projector {name}"), ok, detail)
}

/// Follows the numbers of every site's events through the history and what waits for it. Answers how many
/// sites there are, and where a number is missing.
fn gaps(handle: &GroupHandle) -> Result<(usize, Vec<String>), CoreError> {
    const PAGE: usize = 4096;
    let (state, history, group) = (&handle.state, &handle.history, handle.state.name());
    let failed = |source| CoreError::Events { group, source };
    let unread = |source| CoreError::State { group, source };
    let is_whole = history.files().first().is_none_or(|file| file.first <= 1);
    let (mut last, mut wrong) = (BTreeMap::<Vec<u8>, u64>::new(), Vec::new());
    let mut follow = |stream: Vec<u8>, seq: u64, at: EventPosition| {
        let before = last.insert(stream, seq).or(is_whole.then_some(0));
        if before.is_some_and(|before| before + 1 != seq) {
            wrong.push(format!("event {at} has number {seq} after {}", before.unwrap_or_default()));
        }
    };
    let mut from = EventPosition::new(0, 0);
    loop {
        let page = history.read(from, PAGE).map_err(failed)?;
        page.iter().for_each(|row| follow(row.stream.to_vec(), row.seq, row.position));
        match page.last() {
            Some(row) if page.len() == PAGE => from = row.position.next(),
            _ => break,
        }
    }
    for (at, body) in state.outbox(history.position() + 1, usize::MAX).map_err(unread)?.events {
        if let Ok(envelope) = decode::<Envelope>(&body) {
            follow(scope_prefix(envelope.tenant, envelope.site).to_vec(), envelope.sequence, at);
        }
    }
    let engine = state.engine();
    let sites = audit::sites(&*engine).map_err(unread)?;
    for (tenant, site) in &sites {
        let told = last_sequence(&ReadScope::new(&*engine, *tenant, *site));
        let found = last.get(&scope_prefix(*tenant, *site)[..]).copied().unwrap_or(0);
        if found != told {
            wrong.push(format!("{tenant} site {} has made {told} events and {found} are told", site.0));
        }
    }
    Ok((sites.len(), wrong))
}

/// Whether stock, orders, payments and the ledger of a shard add up.
fn sums(shard: Shard, parts: &ShardParts) -> Vec<Finding> {
    /// Lines of what is wrong that are told.
    const TOLD_MAX: usize = 10;
    let sums = match audit::region(&*parts.handle.state.engine()) {
        Ok(sums) => sums,
        Err(error) => return vec![Finding::new(shard_name("shops", shard), false, error.to_string())],
    };
    let audit::Sums { sites, orders, payments, levels, moved, wrong } = sums;
    let mut detail = format!(
        "{orders} orders, {payments} payments, {levels} stock levels of {sites} sites, {} do not add up",
        wrong.len()
    );
    for line in wrong.iter().take(TOLD_MAX) {
        detail.push_str("; ");
        detail.push_str(line);
    }
    let shops = Finding::new(shard_name("shops", shard), wrong.is_empty(), detail);
    let check = format!("{} beside orders", shard_name("ledger", shard));
    let engine = parts.handle.state.engine();
    let is_held = |tenant, site| audit::is_held(&ReadScope::new(&*engine, tenant, site));
    let beside = Finding::of(check, ledger::moved(&parts.ledger_db, is_held), |booked| {
        let differ = |(payment, sums): &(&_, &_)| booked.get(*payment) != Some(*sums);
        let wrong = moved.iter().filter(differ).count();
        let strays = booked.keys().filter(|payment| !moved.contains_key(payment)).count();
        let detail = format!(
            "{} payments in both, {wrong} with other sums, {strays} in the ledger only",
            booked.len() - strays
        );
        (wrong == 0 && strays == 0, detail)
    });
    vec![shops, beside]
}

/// A picture that is missing is fetched by a running node from another; a damaged one as well.
fn pictures(core: &Core, is_home: impl Fn(&str) -> bool) -> Finding {
    let look = || -> Result<(usize, usize, usize), BlobError> {
        let here = core.blobs.list()?;
        let damaged = here.iter().filter(|hash| core.blobs.get(**hash).is_err()).count();
        let named = blobs::named(&core.states, &is_home).own;
        let missing = named.iter().filter(|hash| here.binary_search(hash).is_err()).count();
        Ok((here.len(), damaged, missing))
    };
    Finding::of("pictures", look(), |(here, damaged, missing)| {
        (damaged == 0 && missing == 0, format!("{here} pictures, {damaged} damaged, {missing} missing"))
    })
}

/// How far a group's state is, and how many events wait to be moved into its history.
fn state_of(handle: &GroupHandle) -> Result<(AppliedRow, usize), StorageError> {
    /// More than a node leaves behind, however suddenly it stops.
    const WAITING_MAX: usize = 1_000_000;
    let state = &handle.state;
    let next = handle.history.position() + 1;
    Ok((state.applied()?, state.outbox(next, WAITING_MAX)?.events.len()))
}

/// Removes every projection of a node that does not run.
pub fn remove_projections(data_dir: &Path) -> Result<(), ProjectionError> {
    let dir = data_dir.join("projections");
    let shards = (0..SHARDS_MAX).map(Shard);
    let files = shards.flat_map(|shard| ["ledger", "lists"].map(|base| file_of(base, shard)));
    for file in files.chain(["search.db".to_owned()]) {
        if dir.join(&file).exists() {
            ProjectionDb::remove(&dir.join(&file))?;
        }
    }
    match std::fs::remove_dir_all(dir.join("search")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// The file of a shard's projection.
fn file_of(base: &'static str, shard: Shard) -> String {
    format!("{}.db", shard_name(base, shard))
}

/// Hashes of every projected table's rows, whatever order they were written in.
pub type Contents = BTreeMap<String, (u64, String)>;

/// What the projections of an opened node hold, once they have taken in everything.
pub async fn contents(core: &Core) -> Result<Contents, CoreError> {
    if !core.projected(REBUILD_WAIT).await {
        let stuck = core.board.rows().into_values().find_map(|progress| progress.fault);
        let reason = stuck.unwrap_or_else(|| "a projector does not get on".to_owned());
        return Err(CoreError::Projector(crate::projectors::ProjectorError::Broken(reason)));
    }
    let mut contents = Contents::new();
    for (shard, parts) in core.shards.open() {
        for (base, db) in [("ledger", &parts.ledger_db), ("lists", &parts.lists_db)] {
            let file = file_of(base, shard);
            let tables = tables(db).map_err(|source| CoreError::Projection { file: base, source })?;
            contents.extend(tables.into_iter().map(|(table, content)| (format!("{file} {table}"), content)));
        }
    }
    index::contents(core, &mut contents)?;
    Ok(contents)
}

fn tables(db: &ProjectionDb) -> Result<Contents, ProjectionError> {
    db.read(|db| {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('position', 'scopes', 'sums') ORDER BY name";
        let names: Vec<String> =
            db.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        let mut contents = Contents::new();
        for name in names {
            contents.insert(name.clone(), table_content(db, &name)?);
        }
        Ok(contents)
    })
}

/// Rows are hashed one by one and summed up, so that their order does not matter. A scope's small number
/// is replaced by what it stands for: it depends on who came first.
fn table_content(db: &rusqlite::Connection, table: &str) -> Result<(u64, String), rusqlite::Error> {
    let scoped =
        db.prepare(&format!("SELECT * FROM {table} LIMIT 0"))?.column_names().any(|name| name == "scope");
    let sql = match scoped {
        true => format!("SELECT s.tenant, s.site, t.* FROM {table} t JOIN scopes s ON s.n = t.scope"),
        false => format!("SELECT * FROM {table}"),
    };
    let mut statement = db.prepare(&sql)?;
    let skipped = statement.column_names().position(|name| name == "scope");
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let (mut count, mut sum) = (0, Sum::default());
    while let Some(row) = rows.next()? {
        let mut hasher = blake3::Hasher::new();
        for column in (0..columns).filter(|column| Some(*column) != skipped) {
            hasher.update(format!("{:?};", row.get::<_, rusqlite::types::Value>(column)?).as_bytes());
        }
        sum.add(&hasher.finalize());
        count += 1;
    }
    Ok((count, sum.shown()))
}

/// Of hashes, whatever order they come in.
#[derive(Default)]
struct Sum([u8; 32]);

impl Sum {
    fn add(&mut self, hash: &blake3::Hash) {
        self.0.iter_mut().zip(hash.as_bytes()).for_each(|(total, byte)| *total ^= byte);
    }

    fn shown(&self) -> String {
        blake3::Hash::from(self.0).to_hex()[..16].to_owned()
    }
}

/// What the projections hold, as findings.
pub fn tables_told(contents: &Contents) -> Vec<Finding> {
    let told = contents.iter().map(|(table, (rows, hash))| {
        Finding::new(format!("table {table}"), true, format!("{rows} rows, hash {hash}"))
    });
    told.collect()
}

/// What differs between two looks at the projections.
pub fn differences(before: &Contents, after: &Contents) -> Vec<Finding> {
    let all = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    all.map(|key| {
        let (one, other) = (before.get(key), after.get(key));
        let words = |content: Option<&(u64, String)>| match content {
            Some((rows, hash)) => format!("{rows} rows ({hash})"),
            None => "nothing".to_owned(),
        };
        let ok = one == other;
        let detail = if ok {
            format!("{} again", words(one))
        } else {
            format!("was {}, is {}", words(one), words(other))
        };
        Finding::new(format!("rebuilt {key}"), ok, detail)
    })
    .collect()
}

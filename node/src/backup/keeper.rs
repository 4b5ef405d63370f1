//! What an archive has besides entries: backups of the state, pictures, settings, copies of the ledger; and
//! the removal of what is old.

use super::archiver::{BackupError, Made, Sources};
use super::lag::Lag;
use super::making::{back_up, events_next, ship_parts};
use super::merging::merge;
use super::names::Object;
use super::pictures::{Duties, Pictures};
use super::retention::expired;
use crate::backend::GroupHandle;
use crate::state::{GroupKey, group_name};
use gearify_commerce::{GroupKind, Shard};
use gearify_storage::ContentHash;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is old is removed this often.
const TIDY_EVERY: Duration = Duration::from_secs(3_600);
/// From one copy of the ledger to the next.
const LEDGER_EVERY_MS: i64 = 24 * 3_600_000;

/// What the archive has of a group.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// The first entry whose events it does not have.
    events_next: u64,
    /// The entry and the time of the last backup.
    backup: Option<(u64, i64)>,
}

pub(super) struct Keeper {
    sources: Sources,
    lag: Lag,
    /// Of groups that this node leads.
    kept: BTreeMap<GroupKey, Kept>,
    pictures: Pictures,
    tidied_at: Option<Instant>,
    settings_kept: bool,
    /// When the last copies of the ledgers were made.
    ledgers: BTreeMap<Shard, i64>,
}

impl Keeper {
    pub fn new(sources: Sources, lag: Lag) -> Keeper {
        let pictures = Pictures::new(sources.clone());
        Keeper {
            sources,
            lag,
            kept: BTreeMap::new(),
            pictures,
            tidied_at: None,
            settings_kept: false,
            ledgers: BTreeMap::new(),
        }
    }

    /// Everything that is due, for the groups that this node leads.
    pub async fn pass(&mut self) -> Result<(), BackupError> {
        let led = self.sources.led();
        self.kept.retain(|key, _| led.contains_key(key));
        self.ledgers.retain(|shard, _| led.contains_key(&GroupKey::Region(*shard)));
        for (key, handle) in &led {
            if self.is_due(*key, handle).await? {
                self.back_up(*key, handle).await?;
            }
        }
        self.keep_pictures().await?;
        self.keep_settings().await?;
        for shard in led.keys().filter_map(|key| region_shard(*key)) {
            self.keep_ledger(shard).await?;
        }
        match self.tidied_at.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            true => self.tidy().await,
            false => Ok(()),
        }
    }

    /// A backup of every group that runs here, whoever leads it.
    pub async fn backup_now(&mut self) -> Result<Vec<Made>, BackupError> {
        let backend = self.sources.backend.clone();
        let mut made = Vec::new();
        for (key, handle) in backend.groups() {
            made.push(self.back_up(key, handle).await?);
            if !handle.group.is_leader() {
                // Another node goes on from here.
                self.kept.remove(&key);
            }
        }
        self.pictures.look_again();
        self.keep_pictures().await?;
        Ok(made)
    }

    /// Each region ships what its shops show: of others it need not have it. One node of all says what no shop
    /// names any more.
    async fn keep_pictures(&mut self) -> Result<(), BackupError> {
        let backend = &self.sources.backend;
        let duties = Duties {
            ships: backend.is_leader(GroupKey::Region(Shard::FIRST)),
            marks: backend.is_leader(GroupKey::Catalogue),
        };
        match duties.ships || duties.marks {
            true => self.pictures.keep(duties).await,
            false => Ok(()),
        }
    }

    async fn is_due(&mut self, key: GroupKey, handle: &GroupHandle) -> Result<bool, BackupError> {
        let Some((index, at_ms)) = self.kept(key, handle).await?.backup else { return Ok(true) };
        self.lag.backed_up(key, index);
        let has_changed = handle.state.applied_index() > index;
        let is_old = self.sources.clock.now().as_millis() - at_ms >= self.sources.interval_ms();
        let has_gap = self.lag.gap(key).is_some();
        Ok(has_changed && (is_old || has_gap))
    }

    async fn kept(&mut self, key: GroupKey, handle: &GroupHandle) -> Result<Kept, BackupError> {
        if let Some(kept) = self.kept.get(&key) {
            return Ok(*kept);
        }
        let group = handle.group.id().0;
        let backups = self.sources.archive.list(Some(&Object::backups_of(group))).await?;
        let backup = backups.iter().rev().find_map(|object| match object {
            Object::Backup { index, at_ms, .. } => Some((*index, *at_ms)),
            _ => None,
        });
        let kept = Kept { events_next: events_next(&self.sources, group).await?, backup };
        self.kept.insert(key, kept);
        Ok(kept)
    }

    async fn back_up(&mut self, key: GroupKey, handle: &GroupHandle) -> Result<Made, BackupError> {
        if self.sources.backend.footing().full.contains(&key.kind()) {
            return Err(BackupError::NoRoom);
        }
        let Kept { mut events_next, backup } = self.kept(key, handle).await?;
        let made = back_up(&self.sources, key, handle, &mut events_next).await?;
        self.kept.insert(key, Kept { events_next, backup: Some((made.index, made.at_ms)) });
        self.lag.backed_up(key, made.index);
        // Whoever leads ships the entries, and knows which are there.
        if handle.group.is_leader() {
            merge(&self.sources, handle.group.id().0, backup.map(|(index, _)| index), made.index).await?;
        }
        Ok(made)
    }

    /// Keeps what this node runs with, if that has not been kept before.
    async fn keep_settings(&mut self) -> Result<(), BackupError> {
        if self.settings_kept {
            return Ok(());
        }
        let (archive, settings) = (&self.sources.archive, self.sources.options.settings.as_bytes());
        let hash = ContentHash::of(settings);
        let there = archive.list(Some("settings")).await?;
        let is_known = |object: &Object| matches!(object, Object::Settings { hash: of, .. } if *of == hash);
        if !there.iter().any(is_known) {
            let at_ms = self.sources.clock.now().as_millis();
            archive.put(&Object::Settings { at_ms, hash }, settings).await?;
        }
        self.settings_kept = true;
        Ok(())
    }

    /// Keeps a copy of a shard's ledger a day.
    async fn keep_ledger(&mut self, shard: Shard) -> Result<(), BackupError> {
        let now = self.sources.clock.now().as_millis();
        let is_fresh = |at_ms: &i64| now - *at_ms < LEDGER_EVERY_MS;
        if self.ledgers.get(&shard).is_some_and(is_fresh) {
            return Ok(());
        }
        let Some(parts) = self.sources.backend.shards().get(shard) else { return Ok(()) };
        let group = parts.handle.group.id().0;
        let copies = self.sources.archive.list(Some(&Object::ledgers_of(group))).await?;
        let newest = copies.iter().filter_map(|object| match object {
            Object::Ledger { at_ms, .. } => Some(*at_ms),
            _ => None,
        });
        if let Some(newest) = newest.max().filter(is_fresh) {
            self.ledgers.insert(shard, newest);
            return Ok(());
        }
        let name = format!("ledger-{}", group_name(GroupKey::Region(shard)));
        let (ledger, scratch) = (parts.ledger_db.clone(), self.sources.options.scratch.clone());
        let copied = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&scratch)?;
            let path = scratch.join(name);
            // What an earlier process left.
            let _ = std::fs::remove_file(&path);
            ledger.copy_to(&path)?;
            let file = std::fs::File::open(&path)?;
            std::fs::remove_file(&path)?;
            Ok::<_, BackupError>((file.metadata()?.len(), file))
        });
        let (bytes, file) = copied.await.map_err(io::Error::other)??;
        let of = |part| Object::Ledger { group, at_ms: now, part };
        ship_parts(&self.sources, Arc::new(file), bytes, of).await?;
        self.ledgers.insert(shard, now);
        Ok(())
    }

    /// Removes what nobody needs any more. Whoever leads `world` does it.
    pub async fn tidy(&mut self) -> Result<(), BackupError> {
        if !self.sources.backend.is_leader(GroupKey::World) {
            return Ok(());
        }
        let (archive, options) = (&self.sources.archive, &self.sources.options);
        let inventory = archive.list(None).await?;
        for object in expired(&inventory, self.sources.clock.now().as_millis(), &options.rules) {
            archive.remove(&object).await?;
        }
        self.tidied_at = Some(Instant::now());
        Ok(())
    }
}

fn region_shard(key: GroupKey) -> Option<Shard> {
    (key.kind() == GroupKind::Region).then(|| key.shard())
}

//! All tenants' indexes: opening, feeding, asking.
//!
//! Per tenant there is one *entry* for the life of the process, with its live columns and the lock
//! that keeps its writes in line, and, while it is in use, one *opened* index. Opened indexes are
//! bounded; the one unused for longest closes, which costs its next query a load from disk but
//! never a live column.
//!
//! Everything here blocks (files, locks): an async caller runs `apply`, `rebuild` and the first
//! touch of a tenant on a blocking thread; a query itself is pure computation.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tantivy::TantivyError;

use crate::bits::Bits;
use crate::catalog::RowChange;
use crate::columns::{Columns, NUMBER_MAX};
use crate::document::{Change, Digest, Document, Texts};
use crate::engine::{Engine, Fault, SharedView, View, commit};
use crate::error::SearchError;
use crate::home::Home;
use crate::page;
use crate::query::{Answer, Query, Suggestion};
use crate::shelves::Shelves;
use crate::suggest;
use crate::writers::Writers;

#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Tantivy writers open in the process; each has two threads and `writer_memory_bytes`.
    pub writers_open_max: usize,
    /// Tenants whose products are in memory.
    pub tenants_open_max: usize,
    /// At least 15 MB, Tantivy's own minimum.
    pub writer_memory_bytes: usize,
}

impl Default for SearchOptions {
    fn default() -> SearchOptions {
        SearchOptions { writers_open_max: 2, tenants_open_max: 64, writer_memory_bytes: 32 << 20 }
    }
}

/// What a tenant's index is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    /// Everything up to here is indexed; 0 if it has to be fed from the beginning.
    pub position: u64,
    pub documents: usize,
    pub health: Health,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    Ready,
    /// Made by this process: there was none.
    New,
    /// There was one of another version, which an empty one has replaced.
    Outdated,
    /// There was one that could not be used; it was set aside and an empty one took its place.
    /// Stays so until [`SearchIndexes::rebuild`].
    NeedsRebuild {
        reason: String,
    },
}

pub struct SearchIndexes {
    root: PathBuf,
    options: SearchOptions,
    entries: RwLock<BTreeMap<String, Arc<Entry>>>,
    writers: Writers,
    clock: AtomicU64,
}

struct Entry {
    home: Home,
    columns: Arc<Columns>,
    shelves: RwLock<Arc<Shelves>>,
    health: Mutex<Health>,
    /// Held by whoever changes the index directory.
    writing: Mutex<()>,
    opened: RwLock<Option<Opened>>,
    used: AtomicU64,
}

#[derive(Clone)]
struct Opened {
    generation: Arc<str>,
    engine: Arc<Engine>,
    view: SharedView,
}

impl SearchIndexes {
    /// Opens nothing but the directory; each tenant's index opens, or is made, at its first use.
    ///
    /// # Errors
    /// [`SearchError::Io`].
    pub fn open(root: impl Into<PathBuf>, options: SearchOptions) -> Result<SearchIndexes, SearchError> {
        let root = root.into();
        std::fs::create_dir_all(&root).map_err(|source| SearchError::Io { path: root.clone(), source })?;
        Ok(SearchIndexes {
            root,
            writers: Writers::new(options.writers_open_max),
            options,
            entries: RwLock::default(),
            clock: AtomicU64::new(0),
        })
    }

    /// Applies the changes in order and commits them with the position they bring the index to;
    /// queries see them when this returns. Repeating a batch does no harm.
    ///
    /// # Errors
    /// [`SearchError::Number`], [`SearchError::Document`], [`SearchError::PositionWentBack`]:
    /// nothing was changed. [`SearchError::Index`], [`SearchError::Io`]: the batch was committed
    /// whole or not at all; apply it again.
    pub fn apply(&self, tenant: &str, changes: Vec<Change>, position: u64) -> Result<(), SearchError> {
        changes.iter().try_for_each(Change::check)?;
        let entry = self.entry(tenant)?;
        let _writing = entry.writing.lock();
        let opened = self.opened(tenant, &entry)?;
        let current = opened.view.position;
        if position < current {
            return Err(SearchError::PositionWentBack { current, given: position });
        }
        let key = format!("{tenant}/{}", opened.generation);
        let open = || opened.engine.writer(self.options.writer_memory_bytes);
        let mut lease = self.writers.lease(key, open).map_err(|source| failed(tenant, source))?;
        let written = (|| {
            let rows: Result<Vec<RowChange>, TantivyError> =
                changes.iter().map(|change| opened.engine.write(lease.writer(), change)).collect();
            let rows = rows?;
            commit(lease.writer(), position)?;
            Ok(rows)
        })();
        let rows = match written {
            Ok(rows) => rows,
            Err(error) => {
                lease.discard();
                return Err(failed(tenant, error));
            }
        };
        match opened.engine.follow(&opened.view, rows) {
            Ok(view) => {
                *entry.opened.write() = Some(Opened { view: Arc::new(view), ..opened });
                Ok(())
            }
            Err(fault) => {
                // The commit stands, so what is in memory is behind it: the next use reads the disk.
                *entry.opened.write() = None;
                Err(fault_error(tenant, fault))
            }
        }
    }

    /// Builds a new index beside the current one and swaps them; queries are answered by the old
    /// one meanwhile, `apply` waits. A later document replaces an earlier one of the same number.
    ///
    /// # Errors
    /// As [`SearchIndexes::apply`], except that any position is taken; the old index stays.
    pub fn rebuild(
        &self,
        tenant: &str,
        documents: impl IntoIterator<Item = Document>,
        position: u64,
    ) -> Result<(), SearchError> {
        let entry = self.entry(tenant)?;
        let _writing = entry.writing.lock();
        let before = self.opened(tenant, &entry)?;
        let generation = entry.home.create_generation().map_err(|source| io_error(&entry, source))?;
        let built = self.build(tenant, &entry, &generation, documents, position);
        let (engine, view) = match built {
            Ok(built) => built,
            Err(error) => {
                self.sweep(&entry);
                return Err(error);
            }
        };
        entry.home.make_current(&generation).map_err(|source| io_error(&entry, source))?;
        *entry.health.lock() = Health::Ready;
        let opened = Opened { generation: generation.into(), engine: Arc::new(engine), view: Arc::new(view) };
        *entry.opened.write() = Some(opened);
        self.writers.close(&format!("{tenant}/{}", before.generation));
        self.sweep(&entry);
        Ok(())
    }

    fn build(
        &self,
        tenant: &str,
        entry: &Entry,
        generation: &str,
        documents: impl IntoIterator<Item = Document>,
        position: u64,
    ) -> Result<(Engine, View), SearchError> {
        let engine =
            Engine::create(&entry.home.path(generation)).map_err(|fault| fault_error(tenant, fault))?;
        let open = || engine.writer(self.options.writer_memory_bytes);
        let key = format!("{tenant}/{generation}");
        let mut lease = self.writers.lease(key, open).map_err(|source| failed(tenant, source))?;
        let filled = fill(&engine, lease.writer(), documents, position);
        match filled {
            Ok(()) => lease.finish().map_err(|source| failed(tenant, source))?,
            Err(error) => {
                lease.discard();
                return Err(error.named(tenant));
            }
        }
        let view = engine.load().map_err(|fault| fault_error(tenant, fault))?;
        Ok((engine, view))
    }

    /// How far the tenant's index has been fed; 0 for a new one and for one that was set aside.
    /// Opens the index, so calling it for every tenant at the start warms them up.
    ///
    /// # Errors
    /// [`SearchError::Tenant`], [`SearchError::Io`], [`SearchError::Index`].
    pub fn position(&self, tenant: &str) -> Result<u64, SearchError> {
        Ok(self.state(tenant)?.position)
    }

    /// # Errors
    /// As [`SearchIndexes::position`].
    pub fn state(&self, tenant: &str) -> Result<IndexState, SearchError> {
        let entry = self.entry(tenant)?;
        let view = self.opened(tenant, &entry)?.view;
        let health = entry.health.lock().clone();
        Ok(IndexState { position: view.position, documents: view.catalog.all().count(), health })
    }

    /// What each document was when it was fed, by product number.
    ///
    /// # Errors
    /// As [`SearchIndexes::position`].
    pub fn digests(&self, tenant: &str) -> Result<BTreeMap<u32, Digest>, SearchError> {
        let entry = self.entry(tenant)?;
        let view = self.opened(tenant, &entry)?.view;
        let numbers = view.catalog.all().iter();
        Ok(numbers.filter_map(|number| Some((number, view.catalog.row(number)?.digest))).collect())
    }

    /// The tenant's live columns; the same ones for the life of the process.
    ///
    /// # Errors
    /// [`SearchError::Tenant`].
    pub fn columns(&self, tenant: &str) -> Result<Arc<Columns>, SearchError> {
        Ok(self.entry(tenant)?.columns.clone())
    }

    /// # Errors
    /// Those of [`SearchError::is_callers_fault`], [`SearchError::Tenant`]; at a tenant's first
    /// use also [`SearchError::Io`] and [`SearchError::Index`].
    pub fn search(&self, tenant: &str, query: &Query) -> Result<Answer, SearchError> {
        let entry = self.entry(tenant)?;
        let view = self.opened(tenant, &entry)?.view;
        let shelves = entry.shelves.read().clone();
        page::answer(tenant, &view, &entry.columns, &shelves, query)
    }

    /// Names to offer while somebody types: categories first, then products, most popular first;
    /// at most `limit` (of [`crate::LIMIT_MAX`]). The locales are tried in order.
    ///
    /// # Errors
    /// As [`SearchIndexes::search`].
    pub fn suggest(
        &self,
        tenant: &str,
        prefix: &str,
        locales: &[String],
        limit: usize,
    ) -> Result<Vec<Suggestion>, SearchError> {
        let entry = self.entry(tenant)?;
        let view = self.opened(tenant, &entry)?.view;
        let shelves = entry.shelves.read().clone();
        suggest::suggest(&view, &entry.columns, &shelves, prefix, locales, limit)
            .map_err(|source| failed(tenant, source))
    }

    /// What the tenant's categories are called, by path: suggested beside products, and preferred by
    /// a text that names one. In memory only.
    ///
    /// # Errors
    /// [`SearchError::Tenant`].
    pub fn set_category_names(
        &self,
        tenant: &str,
        names: BTreeMap<String, Texts>,
    ) -> Result<(), SearchError> {
        *self.entry(tenant)?.shelves.write() = Arc::new(Shelves::new(names));
        Ok(())
    }

    /// Deletes all there is of a tenant, in memory and on disk.
    ///
    /// # Errors
    /// [`SearchError::Tenant`], [`SearchError::Io`].
    pub fn remove(&self, tenant: &str) -> Result<(), SearchError> {
        let entry = self.entry(tenant)?;
        let _writing = entry.writing.lock();
        let opened = entry.opened.write().take();
        if let Some(opened) = opened {
            self.writers.close(&format!("{tenant}/{}", opened.generation));
        } else if let Ok(Some(generation)) = entry.home.current() {
            self.writers.close(&format!("{tenant}/{generation}"));
        }
        entry.home.remove().map_err(|source| io_error(&entry, source))?;
        self.entries.write().remove(tenant);
        Ok(())
    }

    fn entry(&self, tenant: &str) -> Result<Arc<Entry>, SearchError> {
        if let Some(entry) = self.entries.read().get(tenant) {
            return Ok(entry.clone());
        }
        check_tenant(tenant)?;
        let mut entries = self.entries.write();
        let entry = entries.entry(tenant.to_owned()).or_insert_with(|| {
            Arc::new(Entry {
                home: Home::new(self.root.join(tenant)),
                columns: Arc::default(),
                shelves: RwLock::default(),
                health: Mutex::new(Health::Ready),
                writing: Mutex::default(),
                opened: RwLock::default(),
                used: AtomicU64::new(0),
            })
        });
        Ok(entry.clone())
    }

    fn opened(&self, tenant: &str, entry: &Arc<Entry>) -> Result<Opened, SearchError> {
        entry.used.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        if let Some(opened) = entry.opened.read().as_ref() {
            return Ok(opened.clone());
        }
        let opened = {
            let mut place = entry.opened.write();
            if let Some(opened) = place.as_ref() {
                return Ok(opened.clone());
            }
            let opened = open_entry(tenant, entry)?;
            *place = Some(opened.clone());
            opened
        };
        self.close_unused(entry);
        Ok(opened)
    }

    /// Closes what is open beyond the bound; never `kept`, never what is being opened right now.
    fn close_unused(&self, kept: &Arc<Entry>) {
        let entries = self.entries.read();
        let mut open: Vec<&Arc<Entry>> = entries
            .values()
            .filter(|entry| entry.opened.try_read().is_some_and(|opened| opened.is_some()))
            .collect();
        open.sort_by_key(|entry| entry.used.load(Ordering::Relaxed));
        let excess = open.len().saturating_sub(self.options.tenants_open_max.max(1));
        for entry in open.into_iter().filter(|entry| !Arc::ptr_eq(entry, kept)).take(excess) {
            if let Some(mut opened) = entry.opened.try_write() {
                *opened = None;
            }
        }
    }

    /// Leftovers cost only disk, so failing to remove them fails nothing.
    fn sweep(&self, entry: &Entry) {
        if let Err(error) = entry.home.sweep() {
            tracing::warn!(dir = %entry.home.dir().display(), %error, "leftovers of an index stay behind");
        }
    }
}

fn open_entry(tenant: &str, entry: &Entry) -> Result<Opened, SearchError> {
    let home = &entry.home;
    let Some(generation) = home.current().map_err(|source| io_error(entry, source))? else {
        let opened = create(tenant, entry)?;
        *entry.health.lock() = Health::New;
        return Ok(opened);
    };
    if Home::is_of_another_format(&generation) {
        tracing::info!(tenant, generation, "the search index is of another version; it has to be rebuilt");
        let opened = create(tenant, entry)?;
        *entry.health.lock() = Health::Outdated;
        return Ok(opened);
    }
    let reason = match load(home, &generation) {
        Ok((engine, view)) => {
            if let Err(error) = home.sweep() {
                tracing::warn!(tenant, %error, "leftovers of an index stay behind");
            }
            return Ok(Opened {
                generation: generation.into(),
                engine: Arc::new(engine),
                view: Arc::new(view),
            });
        }
        Err(Fault::Failed(source)) => return Err(failed(tenant, source)),
        Err(Fault::Damaged(reason)) => reason,
    };
    tracing::warn!(tenant, reason, "search index set aside; it has to be rebuilt");
    home.set_aside(&generation).map_err(|source| io_error(entry, source))?;
    let opened = create(tenant, entry)?;
    *entry.health.lock() = Health::NeedsRebuild { reason };
    Ok(opened)
}

fn load(home: &Home, generation: &str) -> Result<(Engine, View), Fault> {
    if !Home::is_of_this_format(generation) {
        return Err(Fault::Damaged(format!("it is called {generation:?}, which this version does not read")));
    }
    // Tantivy answers some kinds of damage with a panic.
    let read = || {
        let engine = Engine::open(&home.path(generation))?;
        let view = engine.load()?;
        Ok((engine, view))
    };
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(Fault::Damaged("reading it panicked".to_owned())))
}

fn create(tenant: &str, entry: &Entry) -> Result<Opened, SearchError> {
    let home = &entry.home;
    let generation = home.create_generation().map_err(|source| io_error(entry, source))?;
    let engine = Engine::create(&home.path(&generation)).map_err(|fault| fault_error(tenant, fault))?;
    home.make_current(&generation).map_err(|source| io_error(entry, source))?;
    home.sweep().map_err(|source| io_error(entry, source))?;
    let view = engine.load().map_err(|fault| fault_error(tenant, fault))?;
    Ok(Opened { generation: generation.into(), engine: Arc::new(engine), view: Arc::new(view) })
}

/// Indexes, commits and merges into one segment, which is the fastest to query.
fn fill(
    engine: &Engine,
    writer: &mut tantivy::IndexWriter,
    documents: impl IntoIterator<Item = Document>,
    position: u64,
) -> Result<(), FillError> {
    let mut seen = Bits::new(NUMBER_MAX as usize + 1);
    for document in documents {
        document.check()?;
        if seen.contains(document.number) {
            engine.write(writer, &Change::put(document))?;
        } else {
            seen.insert(document.number);
            engine.add(writer, &document)?;
        }
    }
    commit(writer, position)?;
    let segments = engine.index.searchable_segment_ids()?;
    if segments.len() > 1 {
        writer.merge(&segments).wait()?;
    }
    Ok(())
}

enum FillError {
    Refused(SearchError),
    Failed(TantivyError),
}

impl From<SearchError> for FillError {
    fn from(error: SearchError) -> FillError {
        FillError::Refused(error)
    }
}

impl From<TantivyError> for FillError {
    fn from(error: TantivyError) -> FillError {
        FillError::Failed(error)
    }
}

impl FillError {
    fn named(self, tenant: &str) -> SearchError {
        match self {
            FillError::Refused(error) => error,
            FillError::Failed(error) => failed(tenant, error),
        }
    }
}

/// The name becomes a directory's, so it has neither dots, slashes nor capitals.
fn check_tenant(name: &str) -> Result<(), SearchError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    if (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(SearchError::Tenant { name: name.to_owned() })
}

fn failed(tenant: &str, source: TantivyError) -> SearchError {
    SearchError::Index { tenant: tenant.to_owned(), source: Box::new(source) }
}

fn fault_error(tenant: &str, fault: Fault) -> SearchError {
    match fault {
        Fault::Failed(source) => failed(tenant, source),
        Fault::Damaged(reason) => SearchError::Index { tenant: tenant.to_owned(), source: reason.into() },
    }
}

fn io_error(entry: &Entry, source: io::Error) -> SearchError {
    SearchError::Io { path: entry.home.dir().to_owned(), source }
}

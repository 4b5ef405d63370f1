//! The only way to state: typed tables seen through a scope bound to one tenant and one site.
//!
//! A key is `[tenant 16][site 2][table 1][key …]`, so that a scope can't name another tenant's rows,
//! a tenant is one contiguous range, and a bundle of it is one scan. [`Scope`] reads and writes inside
//! one log entry; [`ReadScope`] reads committed state from anywhere.

use crate::actor::Actor;
use crate::event::{Envelope, Event};
use crate::ids::{IdSource, TenantId};
use crate::processes::schedule::{Due, Work};
use crate::subject;
use crate::time::Timestamp;
use crate::version::{self, StateVersion};
use bytes::Bytes;
use gearify_storage::planted::{self, Bug};
use gearify_storage::table::prefix_end;
use gearify_storage::{Reader, Record, Row, Tx, decode, encode_at};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A tenant's selling place in one region. `Site::NONE` marks data of the tenant as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Site(pub u16);

impl Site {
    pub const NONE: Site = Site(0);
    pub const FIRST: Site = Site(1);
}

impl Key for Site {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

/// Part of a table's key. Byte order must equal the order wanted in scans, and no key may be a prefix
/// of another in the same table unless it is meant to be scanned as one.
pub trait Key {
    fn push(&self, out: &mut Vec<u8>);
}

impl Key for () {
    fn push(&self, _: &mut Vec<u8>) {}
}

macro_rules! integer_keys {
    ($($integer:ty),+) => {$(
        impl Key for $integer {
            fn push(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }
    )+};
}
integer_keys!(u8, u16, u32, u64, u128);

impl<const N: usize> Key for [u8; N] {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// Text ends with a zero byte, so that `ab` is no prefix of `abc`. Zero bytes inside are left out;
/// checked text never has them.
impl Key for String {
    fn push(&self, out: &mut Vec<u8>) {
        self.as_str().push(out);
    }
}

impl Key for str {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend(self.bytes().filter(|&byte| byte != 0));
        out.push(0);
    }
}

impl<K: Key + ?Sized> Key for &K {
    fn push(&self, out: &mut Vec<u8>) {
        (**self).push(out);
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
        self.1.push(out);
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
        self.1.push(out);
        self.2.push(out);
    }
}

const PREFIX_LEN: usize = 18;
type Prefix = [u8; PREFIX_LEN];

/// The bytes every key of a tenant's site begins with; also the name of its event stream.
pub fn scope_prefix(tenant: TenantId, site: Site) -> Prefix {
    let mut prefix = [0; PREFIX_LEN];
    prefix[..16].copy_from_slice(&tenant.bits().to_be_bytes());
    prefix[16..].copy_from_slice(&site.0.to_be_bytes());
    prefix
}

/// Reads of one tenant's site.
pub trait View {
    fn prefix(&self) -> &Prefix;
    fn get_row(&self, key: &[u8]) -> Option<Bytes>;
    fn scan_rows(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<Row>;

    fn tenant(&self) -> TenantId {
        let mut bits = [0; 16];
        bits.copy_from_slice(&self.prefix()[..16]);
        TenantId::from_bits(u128::from_be_bytes(bits))
    }

    fn site(&self) -> Site {
        Site(u16::from_be_bytes([self.prefix()[16], self.prefix()[17]]))
    }
}

/// A typed table. The tag is part of the stored format: never reuse one for something else.
pub struct Table<K: ?Sized, V> {
    tag: u8,
    types: PhantomData<fn(&K) -> V>,
}

impl<K: Key + ?Sized, V: Record> Table<K, V> {
    pub const fn new(tag: u8) -> Table<K, V> {
        Table { tag, types: PhantomData }
    }

    /// The byte that follows the scope's prefix in every key.
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    pub fn get(&self, view: &(impl View + ?Sized), key: &K) -> Option<V> {
        view.get_row(&self.key(view, key)).map(|row| read_row(&row))
    }

    pub fn contains(&self, view: &(impl View + ?Sized), key: &K) -> bool {
        view.get_row(&self.key(view, key)).is_some()
    }

    pub fn put(&self, scope: &mut Scope<'_, '_>, key: &K, value: &V) {
        let key = self.key(scope, key);
        let row = encode_at(value, scope.tx.state_version());
        scope.tx.put(key, row);
    }

    pub fn delete(&self, scope: &mut Scope<'_, '_>, key: &K) {
        let key = self.key(scope, key);
        scope.tx.delete(key);
    }

    /// Values whose key starts with `prefix`, in key order, at most `limit`.
    pub fn list(&self, view: &(impl View + ?Sized), prefix: &impl Key, limit: usize) -> Vec<V> {
        self.rows(view, prefix, limit).into_iter().map(|(_, value)| value).collect()
    }

    /// Like [`Table::list`], with the bytes of each key after `prefix`.
    pub fn rows(&self, view: &(impl View + ?Sized), prefix: &impl Key, limit: usize) -> Vec<(Bytes, V)> {
        let from = self.key_of(view, prefix);
        let rows = view.scan_rows(&from, &prefix_end(&from), limit);
        rows.into_iter().map(|(key, row)| (key.slice(from.len()..), read_row(&row))).collect()
    }

    /// Rows of the whole table after `after` (exclusive), at most `limit`, with the bytes of each key.
    pub fn rows_after(
        &self,
        view: &(impl View + ?Sized),
        after: Option<&K>,
        limit: usize,
    ) -> Vec<(Bytes, V)> {
        let start = self.key_of(view, &());
        let from = after.map_or(start.clone(), |after| [&self.key(view, after)[..], &[0]].concat());
        let rows = view.scan_rows(&from, &prefix_end(&start), limit);
        rows.into_iter().map(|(key, row)| (key.slice(start.len()..), read_row(&row))).collect()
    }

    /// Values of the whole table after `after` (exclusive), at most `limit`: for bounded sweeps.
    pub fn list_after(&self, view: &(impl View + ?Sized), after: &K, limit: usize) -> Vec<V> {
        let mut from = self.key(view, after);
        from.push(0);
        let until = prefix_end(&self.key_of(view, &()));
        view.scan_rows(&from, &until, limit).iter().map(|(_, row)| read_row(row)).collect()
    }

    fn key(&self, view: &(impl View + ?Sized), key: &K) -> Vec<u8> {
        self.key_of(view, &key)
    }

    fn key_of(&self, view: &(impl View + ?Sized), key: &impl Key) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREFIX_LEN + 40);
        bytes.extend_from_slice(view.prefix());
        bytes.push(self.tag);
        key.push(&mut bytes);
        if self.tag == FORGETFUL && planted::is(Bug::TenantForgotten) {
            bytes[..16].fill(0);
        }
        bytes
    }

    /// Whether a row of the state is of this table, whosever it is.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        key.get(PREFIX_LEN) == Some(&self.tag)
    }
}

/// The part of a key that names its table.
pub(crate) fn table_of(key: &[u8]) -> &[u8] {
    &key[..=PREFIX_LEN]
}

/// The table in which [`Bug::TenantForgotten`] lies: that of SKUs.
const FORGETFUL: u8 = 56;

pub(crate) fn read_row<V: Record>(row: &[u8]) -> V {
    // A row that this program wrote and can't read is a damaged view: stop before acting on it.
    decode(row).unwrap_or_else(|error| panic!("the state view holds an unreadable row: {error}"))
}

/// Stands for "this row exists" in index tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present;
gearify_storage::first_version!(Present);

/// Reads committed state of one tenant's site.
#[derive(Clone, Copy)]
pub struct ReadScope<'r> {
    reader: &'r dyn Reader,
    prefix: Prefix,
}

impl<'r> ReadScope<'r> {
    pub fn new(reader: &'r dyn Reader, tenant: TenantId, site: Site) -> ReadScope<'r> {
        ReadScope { reader, prefix: scope_prefix(tenant, site) }
    }

    /// Values of a table backwards from `before` (exclusive), at most `limit`: the newest first where
    /// keys sort by time.
    pub fn list_back<K: Key + ?Sized, V: Record>(
        &self,
        table: &Table<K, V>,
        before: Option<&K>,
        limit: usize,
    ) -> Vec<V> {
        let from = table.key_of(self, &());
        let until = before.map_or_else(|| prefix_end(&from), |before| table.key(self, before));
        let rows = self.reader.scan_back(&from, &until, limit);
        let rows = rows.unwrap_or_else(|error| panic!("the state view can't be read: {error}"));
        rows.iter().map(|(_, row)| read_row(row)).collect()
    }

    /// Values whose key starts with `prefix`, the last first, at most `limit`.
    pub fn list_back_within<K: Key + ?Sized, V: Record>(
        &self,
        table: &Table<K, V>,
        prefix: &impl Key,
        limit: usize,
    ) -> Vec<V> {
        let from = table.key_of(self, prefix);
        let rows = self.reader.scan_back(&from, &prefix_end(&from), limit);
        let rows = rows.unwrap_or_else(|error| panic!("the state view can't be read: {error}"));
        rows.iter().map(|(_, row)| read_row(row)).collect()
    }
}

impl View for ReadScope<'_> {
    fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    fn get_row(&self, key: &[u8]) -> Option<Bytes> {
        // An unreadable view ends the request (and, in the machine, the node); it is never "not found".
        self.reader.get(key).unwrap_or_else(|error| panic!("the state view can't be read: {error}"))
    }

    fn scan_rows(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<Row> {
        self.reader
            .scan(from, until, limit)
            .unwrap_or_else(|error| panic!("the state view can't be read: {error}"))
    }
}

/// One command's view of one tenant's site: reads, writes, time, ids and events.
pub struct Scope<'t, 'e> {
    tx: &'t mut Tx<'e>,
    prefix: Prefix,
    at: Timestamp,
    actor: Actor,
    /// Who asked for the entry's command, whatever acts now.
    origin: Actor,
    ids: &'t mut IdSource,
    events: &'t mut Vec<Envelope>,
}

impl<'t, 'e> Scope<'t, 'e> {
    pub fn new(
        tx: &'t mut Tx<'e>,
        (tenant, site): (TenantId, Site),
        at: Timestamp,
        actor: Actor,
        ids: &'t mut IdSource,
        events: &'t mut Vec<Envelope>,
    ) -> Scope<'t, 'e> {
        let origin = actor.clone();
        Scope { tx, prefix: scope_prefix(tenant, site), at, actor, origin, ids, events }
    }

    /// The entry's time.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Who asked for the command of this entry: not the process that follows from it.
    pub fn origin(&self) -> &Actor {
        &self.origin
    }

    /// Whether the group follows the rules of this version.
    pub fn follows(&self, version: StateVersion) -> bool {
        self.tx.state_version() >= version
    }

    pub(crate) fn raise_version(&mut self, to: StateVersion) {
        self.tx.set_state_version(to);
    }

    /// Writes of this entry so far.
    pub(crate) fn writes_made(&self) -> u64 {
        self.tx.writes_made()
    }

    /// Bits for a new id: `OrderId::from_bits(scope.mint())`.
    pub fn mint(&mut self) -> u128 {
        self.ids.mint()
    }

    /// Runs `work` as another actor, for a process's commands.
    pub fn acting_as<T>(&mut self, actor: Actor, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.actor, actor);
        let result = work(self);
        self.actor = before;
        result
    }

    /// Reports what happened. The event gets the stream's next number.
    pub fn emit(&mut self, event: impl Into<Event>) {
        let event = event.into();
        let told = self.follows(version::PAPERS);
        let subject_version = told.then(|| subject::version_after(self, &event)).flatten();
        let sequence = SEQUENCE.get(self, &()).unwrap_or_default().0 + 1;
        if !(planted::is(Bug::EventNumberReused) && sequence.is_multiple_of(50)) {
            SEQUENCE.put(self, &(), &Count(sequence));
        }
        self.events.push(Envelope {
            sequence,
            tenant: self.tenant(),
            site: self.site(),
            at: self.at,
            actor: self.actor.clone(),
            event,
            cause: None,
            subject_version,
        });
    }

    /// Plans `due` for `at`. Rows stand under the platform's scope, ordered by time over all tenants.
    pub fn schedule(&mut self, at: Timestamp, due: &Due) {
        let key = self.due_key(at, due);
        self.tx.put(key, encode_at(due, self.tx.state_version()));
    }

    /// Takes a plan back. The same `at` and `due` name it.
    pub fn unschedule(&mut self, at: Timestamp, due: &Due) {
        let key = self.due_key(at, due);
        self.tx.delete(key);
    }

    fn due_key(&self, at: Timestamp, due: &Due) -> Vec<u8> {
        let mut key = due_table_prefix();
        at.push(&mut key);
        key.extend_from_slice(&self.prefix);
        due.push(&mut key);
        key
    }

    /// Asks the leader to call somebody outside; the row stays until the outcome is an entry.
    pub fn ask(&mut self, work: &Work) {
        let key = self.work_key(work);
        self.tx.put(key, encode_at(work, self.tx.state_version()));
    }

    /// The outcome is known: nobody needs to be called any more.
    pub fn answered(&mut self, work: &Work) {
        let key = self.work_key(work);
        self.tx.delete(key);
    }

    fn work_key(&self, work: &Work) -> Vec<u8> {
        let mut key = work_table_prefix();
        key.extend_from_slice(&self.prefix);
        work.push(&mut key);
        key
    }

    /// What is due at the entry's time, over all tenants, taken off the plan: at most `limit`.
    pub(crate) fn take_due(&mut self, limit: usize) -> Vec<(TenantId, Site, Due)> {
        let from = due_table_prefix();
        let mut until = from.clone();
        self.at.plus_millis(1).push(&mut until);
        let rows = self.tx.scan(&from, &until, limit);
        rows.into_iter()
            .map(|(key, row)| {
                let owner = &key[from.len() + 8..from.len() + 8 + PREFIX_LEN];
                let (tenant, site) = split_prefix(owner);
                self.tx.delete(key.to_vec());
                (tenant, site, read_row(&row))
            })
            .collect()
    }

    /// Runs `work` bound to another tenant's site: only for what was planned by that site itself.
    pub(crate) fn within<T>(&mut self, tenant: TenantId, site: Site, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.prefix, scope_prefix(tenant, site));
        let result = work(self);
        self.prefix = before;
        result
    }

    /// Tells an event again that has its number already.
    pub(crate) fn recall(&mut self, event: Envelope) {
        SEQUENCE.put(self, &(), &Count(event.sequence));
        self.events.push(event);
    }

    /// Puts a row under its key after the scope's prefix, as it is.
    pub(crate) fn put_row(&mut self, key: &[u8], value: Vec<u8>) {
        let key = [&self.prefix[..], key].concat();
        self.tx.put(key, value);
    }

    /// Removes a row by its key after the scope's prefix.
    pub(crate) fn delete_row(&mut self, key: &[u8]) {
        let key = [&self.prefix[..], key].concat();
        self.tx.delete(key);
    }

    /// Keys of the scope's rows, after its prefix, from `from` up to, and without, `until`; the empty one is the end.
    pub(crate) fn keys_within(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<Vec<u8>> {
        let from = [&self.prefix[..], from].concat();
        let until = match until {
            [] => prefix_end(&self.prefix),
            until => [&self.prefix[..], until].concat(),
        };
        let rows = self.tx.scan(&from, &until, limit);
        rows.into_iter().map(|(key, _)| key[self.prefix.len()..].to_vec()).collect()
    }

    /// Removes rows of the scope and calls it owes, but no tables of the tags in `kept` (in their order), at
    /// most `limit`; how many.
    pub(crate) fn clear(&mut self, kept: &[u8], limit: usize) -> usize {
        let starts = std::iter::once(0).chain(kept.iter().map(|tag| tag + 1));
        let ends = kept.iter().map(|tag| [&self.prefix[..], &[*tag]].concat());
        let ends = ends.chain([prefix_end(&self.prefix)]);
        let mut ranges: Vec<(Vec<u8>, Vec<u8>)> =
            starts.map(|tag| [&self.prefix[..], &[tag]].concat()).zip(ends).collect();
        let work = work_prefix_of((self.tenant(), self.site()));
        ranges.push((work.clone(), prefix_end(&work)));
        let mut removed = 0;
        for (from, until) in ranges {
            let rows = self.tx.scan(&from, &until, limit - removed);
            removed += rows.len();
            rows.into_iter().for_each(|(key, _)| self.tx.delete(key.to_vec()));
        }
        removed
    }

    /// Events emitted so far in this command, for processes.
    pub fn event(&self, position: usize) -> Option<&Envelope> {
        self.events.get(position)
    }
}

impl View for Scope<'_, '_> {
    fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    fn get_row(&self, key: &[u8]) -> Option<Bytes> {
        self.tx.get(key)
    }

    fn scan_rows(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<Row> {
        self.tx.scan(from, until, limit)
    }
}

/// The number of the last event that a site has made; 0 before the first.
pub fn last_sequence(view: &(impl View + ?Sized)) -> u64 {
    SEQUENCE.get(view, &()).unwrap_or_default().0
}

/// Tag 5 of the platform's scope: the plan.
pub(crate) fn due_table_prefix() -> Vec<u8> {
    let mut prefix = scope_prefix(TenantId::PLATFORM, Site::NONE).to_vec();
    prefix.push(5);
    prefix
}

/// Whose plan a row is, for when, and what.
pub(crate) fn read_plan(key: &[u8], row: &[u8]) -> ((TenantId, Site), Timestamp, Due) {
    let rest = &key[due_table_prefix().len()..];
    let (at, rest) = rest.split_at(8);
    let flipped = u64::from_be_bytes(at.try_into().expect("a plan's key begins with its time"));
    let at = Timestamp::from_millis((flipped ^ (1 << 63)) as i64);
    (split_prefix(&rest[..PREFIX_LEN]), at, read_row(row))
}

/// Calls to be made for one site.
pub(crate) fn work_prefix_of((tenant, site): (TenantId, Site)) -> Vec<u8> {
    let mut prefix = work_table_prefix();
    prefix.extend_from_slice(&scope_prefix(tenant, site));
    prefix
}

/// Tag 6 of the platform's scope: calls to be made.
fn work_table_prefix() -> Vec<u8> {
    let mut prefix = scope_prefix(TenantId::PLATFORM, Site::NONE).to_vec();
    prefix.push(6);
    prefix
}

/// Calls that still wait for an outcome, over all tenants of a group, at most `limit`.
pub fn open_work(reader: &dyn Reader, limit: usize) -> Vec<(TenantId, Site, Work)> {
    let view = ReadScope::new(reader, TenantId::PLATFORM, Site::NONE);
    let from = work_table_prefix();
    let rows = view.scan_rows(&from, &prefix_end(&from), limit);
    rows.iter()
        .map(|(key, row)| {
            let (tenant, site) = split_prefix(&key[from.len()..from.len() + PREFIX_LEN]);
            (tenant, site, read_row(row))
        })
        .collect()
}

/// Whose row a key names; `None` if it is no key of a scope.
pub fn owner_of(key: &[u8]) -> Option<(TenantId, Site)> {
    key.get(..PREFIX_LEN).map(split_prefix)
}

fn split_prefix(prefix: &[u8]) -> (TenantId, Site) {
    let (tenant, site) = prefix.split_at(16);
    let tenant = u128::from_be_bytes(tenant.try_into().expect("the first 16 bytes are the tenant"));
    let site = u16::from_be_bytes(site.try_into().expect("the last two bytes are the site"));
    (TenantId::from_bits(tenant), Site(site))
}

/// When the first planned thing of a group falls due, for the leader's timer.
pub fn first_due(reader: &dyn Reader) -> Option<Timestamp> {
    let view = ReadScope::new(reader, TenantId::PLATFORM, Site::NONE);
    let from = due_table_prefix();
    let (key, _) = view.scan_rows(&from, &prefix_end(&from), 1).into_iter().next()?;
    let flipped = u64::from_be_bytes(key.get(from.len()..from.len() + 8)?.try_into().ok()?);
    Some(Timestamp::from_millis((flipped ^ (1 << 63)) as i64))
}

/// A stored count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count(pub u64);
gearify_storage::first_version!(Count);

/// The last number given in the scope's event stream. Tag 0 belongs to the scope itself.
pub(crate) const SEQUENCE: Table<(), Count> = Table::new(0);

//! Connections of one projection that only read: a few, lent to whoever asks.

use super::{BUSY_TIMEOUT, READERS_MAX};
use crate::disk;
use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A few connections, opened when first needed.
#[derive(Default)]
pub(super) struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    opened: usize,
}

impl Readers {
    /// Waits where all are lent.
    pub(super) fn take(&self, path: &Path) -> Result<Lent<'_>, rusqlite::Error> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(Lent { readers: self, connection: Some(connection) });
            }
            if pool.opened < READERS_MAX {
                break;
            }
            self.returned.wait(&mut pool);
        }
        let connection = open_reader(path)?;
        pool.opened += 1;
        Ok(Lent { readers: self, connection: Some(connection) })
    }
}

fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    disk::keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A borrowed connection; it goes back when dropped, also while a panic unwinds.
pub(super) struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Lent<'_> {
    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a connection is lent until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.readers.pool.lock().idle.extend(self.connection.take());
        self.readers.returned.notify_one();
    }
}

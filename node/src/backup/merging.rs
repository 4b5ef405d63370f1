//! Fewer and larger objects of entries: a second's worth each is what a disaster needs, and far too many
//! after a month.

use super::archiver::{BackupError, Sources};
use super::names::Object;
use super::segment::Segment;
use super::store::{Archive, OBJECT_BYTES};

/// Entries that are being put together.
struct Merged {
    segment: Segment,
    bytes: usize,
    from_ms: i64,
    until_ms: i64,
    objects: usize,
}

/// Writes the entries after `after` and up to and with `through` once more, in objects of a good size. Those
/// that were written a second at a time are removed as what nobody needs (`retention.rs`).
pub(super) async fn merge(
    sources: &Sources,
    group: u16,
    after: Option<u64>,
    through: u64,
) -> Result<(), BackupError> {
    let archive = &sources.archive;
    let mut merged: Option<Merged> = None;
    for object in archive.list(Some(&Object::logs_of(group))).await? {
        let Object::Log { first, last, from_ms, until_ms, .. } = object else { continue };
        if after.is_some_and(|after| first <= after) || last > through {
            continue;
        }
        let segment: Segment = archive.get_record(&object).await?;
        let fits = |merged: &Merged| merged.bytes < OBJECT_BYTES && merged.next() >= first;
        if let Some(done) = merged.take_if(|merged| !fits(merged)) {
            done.write(archive, group).await?;
        }
        let into = merged.get_or_insert_with(|| Merged {
            segment: Segment { entries: Vec::new() },
            bytes: 0,
            from_ms,
            until_ms,
            objects: 0,
        });
        let next = into.segment.entries.last().map_or(first, |entry| entry.index + 1);
        let news = segment.entries.into_iter().filter(|entry| entry.index >= next);
        into.segment.entries.extend(news.inspect(|entry| into.bytes += entry.bytes()));
        into.until_ms = into.until_ms.max(until_ms);
        into.objects += 1;
    }
    match merged {
        Some(done) => done.write(archive, group).await,
        None => Ok(()),
    }
}

impl Merged {
    fn next(&self) -> u64 {
        self.segment.entries.last().map_or(0, |entry| entry.index + 1)
    }

    async fn write(self, archive: &Archive, group: u16) -> Result<(), BackupError> {
        let ends = self.segment.entries.first().zip(self.segment.entries.last());
        // One alone is as large as it gets.
        let Some((first, last)) = ends.filter(|_| self.objects > 1) else { return Ok(()) };
        let (first, last, from_ms, until_ms) = (first.index, last.index, self.from_ms, self.until_ms);
        let object = Object::Log { group, first, last, from_ms, until_ms };
        Ok(archive.put_record(&object, &self.segment).await?)
    }
}

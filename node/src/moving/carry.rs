//! One attempt to carry a site from its shard to another: what is brought, and in which order.
//!
//! Rows are brought before the events that tell of them, so that whoever computes from events there finds records
//! that are as new. The copy is made of rows that change meanwhile: what was touched since is brought again, round
//! by round, and once more after `Leave`, when nothing changes any more. Plans and owed calls are brought only then.

use super::Owner;
use futures::future::BoxFuture;
use gearify_commerce::bundle::{self, ArrivalId, Change, Command, SiteRow};
use gearify_commerce::command::GroupKind;
use gearify_commerce::placement::{self, LastStep};
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::{Refusal, Reply, Shard};
use gearify_storage::{EventStoreError, Reader, StorageError};

/// A step is ended by the row or event that passes this; with its longest value it still fits one log entry.
const STEP_BYTES: usize = 128 << 10;
/// Rows, events and plans read at once.
const PAGE: usize = 500;
/// Calls that one site owes, more than it ever has open.
const WORK_MAX: usize = 100_000;
/// So few touched rows are brought while the shop waits.
const LAST_ROWS: usize = 200;
/// Rounds in which touched rows become fewer; of a shop that is busier than that, what one round leaves is brought
/// while it waits.
const ROUNDS_MAX: usize = 20;

/// Why an attempt ends early. Another one may be begun.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    #[error("{0}")]
    Refused(Refusal),
    #[error("the shard can't be reached: {0}")]
    Unreachable(String),
    #[error("more was written meanwhile than could be followed")]
    Outrun,
    #[error("event {wanted} of the shop is not in the history")]
    EventMissing { wanted: u64 },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Events(#[from] EventStoreError),
}

/// An event of the site, with its number.
pub type Numbered = (u64, Vec<u8>);

/// The answer to a step, and where in the log of its shard it was decided.
#[derive(Clone, Debug)]
pub struct Taken {
    pub reply: Reply,
    pub index: u64,
}

/// The three shards that take part: the one the site leaves, the one it goes to, and the region's first.
pub trait Ground: Send {
    /// The shard that is left, as it is now.
    fn rows(&self) -> &dyn Reader;

    /// Keys of the site, as [`SiteRow`] has them, that were written since the last call or the beginning; all
    /// that was read before the call is in them.
    fn touched(&mut self) -> BoxFuture<'_, Result<Vec<Vec<u8>>, CarryError>>;

    /// The site's events from number `from` on, at least one and at most `limit`, each with its number.
    fn events(&mut self, from: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Numbered>, CarryError>>;

    /// Closes the site where it was. Nothing is written to it any more once this returns.
    fn leave(&mut self) -> BoxFuture<'_, Result<(), CarryError>>;

    /// A step of the arrival, in the other shard. Taken once, however often it has to be asked for.
    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Taken, CarryError>>;

    /// What the region's first shard has to know.
    fn note(&mut self, command: placement::Command) -> BoxFuture<'_, Result<(), CarryError>>;
}

/// Brings a site from one shard to another, to the end.
pub async fn carry(
    ground: &mut dyn Ground,
    owner: Owner,
    (from, to): (Shard, Shard),
    arrival: ArrivalId,
) -> Result<(), CarryError> {
    let (tenant, site) = owner;
    ground.note(placement::Command::Attempt { tenant, site, from, to, arrival }).await?;
    let mut carrier = Carrier { ground, owner, arrival, next: 0, told: 0, index: 0 };
    carrier.take(Change::Begin).await?;
    carrier.copy().await?;
    for _ in 0..ROUNDS_MAX {
        if carrier.follow().await? <= LAST_ROWS {
            break;
        }
    }
    carrier.ground.leave().await?;
    carrier.follow().await?;
    carrier.bring_plans().await?;
    carrier.bring_work().await?;
    let last = LastStep { step: carrier.next, sequence: carrier.told };
    let since = carrier.index;
    ground.note(placement::Command::Placed { tenant, site, arrival, since, last }).await?;
    finish(ground, owner, arrival, last).await
}

/// Takes the last step of an arrival that is all there otherwise.
pub async fn finish(
    ground: &mut dyn Ground,
    (tenant, site): Owner,
    arrival: ArrivalId,
    last: LastStep,
) -> Result<(), CarryError> {
    let change = Change::Land { sequence: last.sequence };
    ground.step(Command::Arrive { group: GroupKind::Region, arrival, step: last.step, change }).await?;
    ground.note(placement::Command::Settled { tenant, site, arrival }).await
}

struct Carrier<'g> {
    ground: &'g mut dyn Ground,
    owner: Owner,
    arrival: ArrivalId,
    next: u64,
    /// The last event that was brought.
    told: u64,
    /// Of the last step.
    index: u64,
}

impl Carrier<'_> {
    async fn take(&mut self, change: Change) -> Result<Reply, CarryError> {
        let (arrival, step) = (self.arrival, self.next);
        self.next += 1;
        let command = Command::Arrive { group: GroupKind::Region, arrival, step, change };
        let Taken { reply, index } = self.ground.step(command).await?;
        self.index = index;
        Ok(reply)
    }

    /// Every row, as it is when it is come to.
    async fn copy(&mut self) -> Result<(), CarryError> {
        let mut from = Vec::new();
        loop {
            let after = from.strip_suffix(&[0]);
            let mut rows = bundle::rows(self.ground.rows(), self.owner, after, PAGE)?;
            let is_end = rows.len() < PAGE && bytes_of(&rows) <= STEP_BYTES;
            rows.truncate(fitting(&rows, row_bytes));
            let until = match rows.last() {
                Some((last, _)) if !is_end => [last, &[0][..]].concat(),
                _ => Vec::new(),
            };
            // Nobody knows what a step answered whose first outcome was unknown; one too many does no harm.
            let range = Change::Range { from: from.clone(), until: until.clone(), rows };
            while self.take(range.clone()).await?.id != Some(0) {}
            if until.is_empty() {
                return Ok(());
            }
            from = until;
        }
    }

    /// What has changed since the last round, or the beginning: how many rows.
    async fn follow(&mut self) -> Result<usize, CarryError> {
        let sequence = bundle::sequence(self.ground.rows(), self.owner);
        let touched = self.ground.touched().await?;
        let prefix = scope_prefix(self.owner.0, self.owner.1);
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for key in &touched {
            match self.ground.rows().get(&[&prefix[..], key].concat())? {
                Some(row) => rows.push((key.clone(), row.to_vec())),
                None => gone.push(key.clone()),
            }
        }
        while !rows.is_empty() {
            let rest = rows.split_off(fitting(&rows, row_bytes));
            self.take(Change::Rows(std::mem::replace(&mut rows, rest))).await?;
        }
        while !gone.is_empty() {
            let rest = gone.split_off(fitting(&gone, Vec::len));
            self.take(Change::Remove(std::mem::replace(&mut gone, rest))).await?;
        }
        self.tell(sequence).await?;
        Ok(touched.len())
    }

    /// Events up to this number.
    async fn tell(&mut self, sequence: u64) -> Result<(), CarryError> {
        while self.told < sequence {
            let wanted = self.told + 1;
            let mut page = self.ground.events(wanted, PAGE).await?;
            page.retain(|(number, _)| *number <= sequence);
            page.truncate(fitting(&page, |(_, event)| event.len()));
            let numbers = page.iter().map(|(number, _)| *number);
            if page.is_empty() || !numbers.eq(wanted..wanted + page.len() as u64) {
                return Err(CarryError::EventMissing { wanted });
            }
            self.told += page.len() as u64;
            self.take(Change::Events(page.into_iter().map(|(_, event)| event).collect())).await?;
        }
        Ok(())
    }

    async fn bring_plans(&mut self) -> Result<(), CarryError> {
        let mut from = None;
        loop {
            let page = bundle::plan(self.ground.rows(), self.owner, from, PAGE)?;
            if !page.plans.is_empty() {
                self.take(Change::Plan(page.plans)).await?;
            }
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
    }

    async fn bring_work(&mut self) -> Result<(), CarryError> {
        let work = bundle::work(self.ground.rows(), self.owner, WORK_MAX)?;
        for some in work.chunks(PAGE) {
            self.take(Change::Work(some.to_vec())).await?;
        }
        Ok(())
    }
}

fn row_bytes((key, value): &SiteRow) -> usize {
    key.len() + value.len()
}

fn bytes_of(rows: &[SiteRow]) -> usize {
    rows.iter().map(row_bytes).sum()
}

/// How many of the things go into one step: at least one, if there is one.
fn fitting<T>(things: &[T], bytes: impl Fn(&T) -> usize) -> usize {
    let mut sum = 0;
    let full = things.iter().position(|thing| {
        sum += bytes(thing);
        sum > STEP_BYTES
    });
    full.map_or(things.len(), |at| at + 1)
}

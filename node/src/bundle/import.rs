//! Bringing a bundle into a running group, or into any state, step by replicated step.

use super::{Bundle, BundleError, Part, Summary, check};
use crate::backend::NodeBackend;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::bundle::{ArrivalId, Change, Command};
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::Request;
use gearify_commerce::tenants::{Status, TENANT, Tenant};
use gearify_commerce::{Actor, GroupKind, Refusal, Reply, Site, Slug, StateVersion, TenantId, ids, version};
use gearify_storage::{CodecError, decode};
use gearify_web::ports::SubmitError;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// The tag of a shop's record among its rows: it arrives with the last step.
const TENANT_KEY: [u8; 1] = [TENANT.tag()];

/// Where a bundle goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// Of this arrival: greater than that of any earlier one at the place.
    pub arrival: ArrivalId,
    pub tenant: TenantId,
    pub site: Site,
    /// A copy beside the shop that the bundle is of: it gets this name and no host, starts suspended, and
    /// owes nobody a call.
    pub copy_named: Option<Slug>,
    /// The shop's record as it is to be from here on; otherwise the bundle's own.
    pub status: Option<Status>,
    /// The version of the rules that the destination follows.
    pub state_version: StateVersion,
}

/// Takes the steps: proposes them to a group, or applies them to a state.
pub trait Destination: Send {
    /// The answer of the entry. A step may be handed in again after an outcome that is not known.
    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Reply, ImportError>>;
}

impl Place {
    /// A fresh arrival of a shop at this site.
    pub fn new(tenant: TenantId, site: Site, state_version: StateVersion) -> Place {
        let arrival = ArrivalId(ids::uuid_v7(crate::backend::now(), rand::random()));
        Place { arrival, tenant, site, copy_named: None, status: None, state_version }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error("not every node knows bundles yet: replace the older programs first")]
    OldProgram,
    #[error("the bundle is of rules of version {bundle}; the place follows version {place}")]
    NewerRules { bundle: StateVersion, place: StateVersion },
    #[error("the place does not take it: {0}")]
    Refused(Refusal),
    #[error("the place can't be reached: {0}")]
    Unreachable(String),
}

impl From<io::Error> for ImportError {
    fn from(error: io::Error) -> ImportError {
        BundleError::from(error).into()
    }
}

impl From<CodecError> for ImportError {
    fn from(error: CodecError) -> ImportError {
        BundleError::from(error).into()
    }
}

/// Brings a bundle to its place. It is read twice: nothing arrives of one that is not whole. What an arrival
/// that broke off has left there is removed by the next.
///
/// # Errors
/// A damaged bundle, or one of newer rules, changes nothing. Other errors may leave the place closed to
/// everything but a later arrival.
pub async fn import<R: Read + Send>(
    open: impl Fn() -> io::Result<R> + Send,
    place: &Place,
    destination: &mut dyn Destination,
) -> Result<Summary, ImportError> {
    let summary = check(open()?)?;
    let head = &summary.head;
    if place.state_version < version::BUNDLES {
        return Err(ImportError::OldProgram);
    }
    if head.state_version > place.state_version {
        return Err(ImportError::NewerRules { bundle: head.state_version, place: place.state_version });
    }
    let mut steps = Steps { group: head.group, arrival: place.arrival, next: 0, destination };
    steps.take(Change::Begin).await?;
    // Nobody knows what a step answered whose first outcome was unknown; one Clear too many does no harm.
    while steps.take(Change::Clear).await?.id != Some(0) {}
    let mut bundle = Bundle::open(open()?)?;
    let mut record = None;
    while let Some(part) = bundle.next_part()? {
        let change = match part {
            Part::Rows(mut rows) => {
                if head.group == GroupKind::World {
                    let tenant = rows.iter().position(|(key, _)| *key == TENANT_KEY);
                    record = tenant.map(|at| rows.remove(at)).or(record);
                }
                Change::Rows(rows)
            }
            Part::Events(events) => Change::Events(events),
            Part::Plan(plans) => Change::Plan(plans),
            Part::Work(work) if place.copy_named.is_none() => Change::Work(work),
            Part::Work(_) | Part::Blobs(_) => continue,
        };
        steps.take(change).await?;
    }
    let tenant = record.map(|(_, row)| decode::<Tenant>(&row)).transpose()?;
    let tenant = tenant.map(|tenant| Box::new(placed(tenant, place)));
    let keys_of = tenant.is_some().then_some(head.keys_of);
    steps.take(Change::End { sequence: head.sequence, tenant, keys_of }).await?;
    Ok(summary)
}

/// A shop's record as it is at its new place.
fn placed(mut tenant: Tenant, place: &Place) -> Tenant {
    tenant.id = place.tenant;
    if let Some(slug) = &place.copy_named {
        tenant.slug = slug.clone();
        tenant.domains.clear();
        tenant.status = Status::Suspended;
    }
    if let Some(status) = place.status {
        tenant.status = status;
    }
    tenant
}

struct Steps<'d> {
    group: GroupKind,
    arrival: ArrivalId,
    next: u64,
    destination: &'d mut dyn Destination,
}

impl Steps<'_> {
    async fn take(&mut self, change: Change) -> Result<Reply, ImportError> {
        let (group, arrival, step) = (self.group, self.arrival, self.next);
        self.next += 1;
        self.destination.step(Command::Arrive { group, arrival, step, change }).await
    }
}

/// How long one step may wait for a leader.
const STEP_WAIT: Duration = Duration::from_secs(60);
const STEP_PAUSE: Duration = Duration::from_millis(200);

/// Proposes the steps to the group that they are for, wherever its leader is.
pub struct Submitting<'b> {
    backend: &'b NodeBackend,
    tenant: TenantId,
    site: Site,
}

impl<'b> Submitting<'b> {
    pub fn new(backend: &'b NodeBackend, tenant: TenantId, site: Site) -> Submitting<'b> {
        Submitting { backend, tenant, site }
    }

    async fn submit(&self, command: Command) -> Result<Reply, ImportError> {
        let request = Request {
            id: CommandId(rand::random()),
            // The arrival knows which of its steps were taken.
            keep: Keep::Nothing,
            hash: [0; 16],
            tenant: self.tenant,
            site: self.site,
            actor: Actor::System,
            intent: command.into(),
        };
        let until = Instant::now() + STEP_WAIT;
        loop {
            match self.backend.submit_now(&request).await {
                Ok(decided) => return decided.result.map_err(ImportError::Refused),
                Err(SubmitError::Refused(refusal)) => return Err(ImportError::Refused(refusal)),
                Err(error) if Instant::now() > until => {
                    return Err(ImportError::Unreachable(error.to_string()));
                }
                Err(_) => tokio::time::sleep(STEP_PAUSE).await,
            }
        }
    }
}

impl Destination for Submitting<'_> {
    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Reply, ImportError>> {
        self.submit(command).boxed()
    }
}

//! Every command, event and refusal of all contexts, and how one command is applied.
//!
//! A command comes complete: its time, its randomness and every fact it needs are in it. Applying it
//! reads and writes one scope, reports events, lets processes follow them inside the same entry, and
//! leaves a record under the command's id, so that the same id never acts twice.

use crate::actor::Actor;
use crate::event::Envelope;
use crate::ids::{self, IdSource, PaymentId, TenantId};
use crate::processes::{self, checkout, schedule};
use crate::scope::{self, Count, ReadScope, Scope, Site, Table, View};
use crate::time::{HOUR_MS, Timestamp};
use crate::{
    bundle, cart, catalog, customers, inventory, notifications, orders, payments, placement, pricing,
    searches, shipping, staff, tax, tenants, version,
};
use gearify_storage::table::prefix_end;
use gearify_storage::{Reader, Tx, encode};
use serde::{Deserialize, Serialize};

/// The replicated groups; each owns a part of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GroupKind {
    World,
    Catalogue,
    Region,
}

macro_rules! contexts {
    ($($name:ident in $group:ident = $module:ident),+ $(,)?) => {
        /// A command of any context. The order of variants is stored: only append.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Command {
            $($name($module::Command),)+
            /// Of the group itself, whichever it is.
            Version(version::Command),
            /// Of a region's first shard.
            Placement(placement::Command),
            /// Of a site of any group.
            Bundle(bundle::Command),
            /// Of a site in the region.
            Searches(searches::Command),
        }

        /// An event of any context. The order of variants is stored: only append.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Event { $($name($module::Event)),+ }

        /// A refusal of any context. The order of variants is stored: only append.
        #[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
        pub enum Refusal {
            $(#[error(transparent)] $name(#[from] $module::Refusal),)+
            /// The same command id came with another request.
            #[error("this idempotency key was used with another request")]
            KeyReused,
            #[error(transparent)] Version(#[from] version::Refusal),
            #[error(transparent)] Placement(#[from] placement::Refusal),
            #[error(transparent)] Bundle(#[from] bundle::Refusal),
        }

        impl Command {
            /// The group whose log carries this command.
            pub fn group(&self) -> GroupKind {
                match self {
                    $(Command::$name(_) => GroupKind::$group,)+
                    Command::Version(command) => command.group(),
                    Command::Placement(_) | Command::Searches(_) => GroupKind::Region,
                    Command::Bundle(command) => command.group(),
                }
            }
        }

        impl Event {
            /// The dotted name in feeds and webhooks, such as `order.placed`.
            pub fn name(&self) -> &'static str {
                match self { $(Event::$name(event) => event.name()),+ }
            }
        }

        $(impl From<$module::Command> for Command {
            fn from(command: $module::Command) -> Command { Command::$name(command) }
        }
        impl From<$module::Event> for Event {
            fn from(event: $module::Event) -> Event { Event::$name(event) }
        })+

        fn dispatch_to_context(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
            match command {
                $(Command::$name(command) => Ok($module::apply(scope, command)?),)+
                Command::Version(command) => Ok(version::apply(scope, command)?),
                Command::Placement(command) => Ok(placement::apply(scope, command)?),
                Command::Bundle(command) => Ok(bundle::apply(scope, command)?),
                Command::Searches(command) => Ok(searches::apply(scope, command)),
            }
        }
    };
}

contexts! {
    Tenants in World = tenants,
    Staff in World = staff,
    Catalog in Catalogue = catalog,
    Pricing in Catalogue = pricing,
    Tax in Catalogue = tax,
    Shipping in Catalogue = shipping,
    Inventory in Region = inventory,
    Cart in Region = cart,
    Orders in Region = orders,
    Payments in Region = payments,
    Customers in Region = customers,
    Notifications in Region = notifications,
    Checkout in Region = checkout,
    Schedule in Region = schedule,
}

impl From<version::Command> for Command {
    fn from(command: version::Command) -> Command {
        Command::Version(command)
    }
}

impl From<placement::Command> for Command {
    fn from(command: placement::Command) -> Command {
        Command::Placement(command)
    }
}

impl From<bundle::Command> for Command {
    fn from(command: bundle::Command) -> Command {
        Command::Bundle(command)
    }
}

impl From<searches::Command> for Command {
    fn from(command: searches::Command) -> Command {
        Command::Searches(command)
    }
}

/// What a command answers besides its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Bits of the id the command was about or made.
    pub id: Option<u128>,
    /// That record's revision after the command.
    pub revision: u64,
    /// A copy of the record where a replay must answer what the first call answered.
    pub record: Option<Vec<u8>>,
}

impl Reply {
    pub fn about(id: u128, revision: u64) -> Reply {
        Reply { id: Some(id), revision, record: None }
    }
}

/// Names one intention of one caller: a keyed hash of tenant, caller and idempotency key, or random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId(pub [u8; 16]);

impl CommandId {
    /// For a request that names none. In the order of time: the records of requests made together lie together.
    pub fn fresh(now: Timestamp, random: u128) -> CommandId {
        CommandId(ids::uuid_v7(now, random).to_be_bytes())
    }
}

impl std::fmt::Debug for CommandId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", crate::ids::encode_base32(u128::from_be_bytes(self.0)))
    }
}

impl crate::scope::Key for CommandId {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

/// How long a command's record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keep {
    /// Made by the scheduler, which never retries under the same id.
    Nothing,
    /// One hour.
    Short,
    /// 48 hours: money or stock moves.
    Long,
}

impl Keep {
    fn millis(self) -> Option<i64> {
        match self {
            Keep::Nothing => None,
            Keep::Short => Some(HOUR_MS),
            Keep::Long => Some(48 * HOUR_MS),
        }
    }
}

/// A command as it stands in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    pub id: CommandId,
    pub keep: Keep,
    /// Hash of the request, so that a reused id with another request is noticed.
    pub request: [u8; 16],
    pub tenant: TenantId,
    pub site: Site,
    pub actor: Actor,
    /// The leader's clock when it proposed. The entry's time never runs backwards, whatever this says.
    pub at: Timestamp,
    /// Randomness for ids.
    pub seed: u128,
    pub command: Command,
}
gearify_storage::first_version!(Stamped);

/// What the machine answers to a command, and what a replay gets again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub result: Result<Reply, Refusal>,
    /// This answer was already given to an earlier call with the same id.
    pub replayed: bool,
}
gearify_storage::first_version!(Outcome);

/// The stored trace of a command: what was asked, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandRecord {
    pub request: [u8; 16],
    pub result: Result<Reply, Refusal>,
    pub at: Timestamp,
}
gearify_storage::first_version!(CommandRecord);

/// Records by command id.
pub const COMMANDS: Table<CommandId, CommandRecord> = Table::new(2);
/// When each record may go: `(due, id)`.
const COMMANDS_DUE: Table<(Timestamp, CommandId), crate::scope::Present> = Table::new(3);
/// The group's time. Lives under the platform's scope.
const GROUP_TIME: Table<(), Count> = Table::new(4);

/// Which command began a payment, until the payment is decided and the command's answer with it.
const PAYMENT_COMMANDS: Table<PaymentId, CommandRef> = Table::new(8);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CommandRef(CommandId);
gearify_storage::first_version!(CommandRef);

/// What a command that began a payment has to show once that is decided. A replay shows the same, whatever
/// has become of the order since.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    pub order: orders::Order,
    pub payments: Vec<payments::Payment>,
}
gearify_storage::first_version!(Settled);

/// Records swept per command, so that sweeping keeps up with storing and never stalls an entry.
const SWEEP_MAX: usize = 4;

/// Applies one command. Never fails: a refusal is an outcome.
pub fn apply(tx: &mut Tx<'_>, stamped: &Stamped, events: &mut Vec<Envelope>) -> Outcome {
    let mut ids = IdSource::new(stamped.at, stamped.seed);
    let at = advance_time(tx, stamped, &mut ids);
    let site = (stamped.tenant, stamped.site);
    let mut own_events = Vec::new();
    let mut scope = Scope::new(tx, site, at, stamped.actor.clone(), &mut ids, &mut own_events);
    // First of all: what became of an earlier call is known where the site is now.
    if stamped.command.group() == GroupKind::Region
        && let Some(to) = placement::closed(&scope, Some(&stamped.command))
    {
        return Outcome { result: Err(placement::Refusal::Moved { to }.into()), replayed: false };
    }
    if !is_let_in(&stamped.command) && bundle::is_arriving(&scope) {
        return Outcome { result: Err(bundle::Refusal::Arriving.into()), replayed: false };
    }
    if let Some(earlier) = earlier(&scope, stamped.id, stamped.keep, &stamped.request) {
        return earlier;
    }
    let result = dispatch(&mut scope, &stamped.command);
    if bundle::recalls(&stamped.command) {
        events.append(&mut own_events);
        return Outcome { result, replayed: false };
    }
    if result.is_ok() {
        follow(&mut scope);
    }
    remember(&mut scope, stamped, &result);
    answer_for_payments(&mut scope);
    if !is_carrying(&stamped.command) {
        sweep(&mut scope);
    }
    events.extend(own_events.into_iter().map(|event| Envelope { cause: Some(stamped.id), ..event }));
    Outcome { result, replayed: false }
}

/// What brings a site along, or takes it away, leaves everything else in it as it is.
fn is_carrying(command: &Command) -> bool {
    matches!(command, Command::Bundle(bundle::Command::Arrive { .. }) | Command::Placement(_))
}

/// What may be done to a site that is arriving.
fn is_let_in(command: &Command) -> bool {
    matches!(command, Command::Bundle(_) | Command::Version(_))
}

/// Runs a command in its context. A refusal must come before the first write: there is no undoing.
fn dispatch(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let before = scope.writes_made();
    if !is_let_in(command) && bundle::is_arriving(scope) {
        return Err(bundle::Refusal::Arriving.into());
    }
    let result = dispatch_to_context(scope, command);
    debug_assert!(
        result.is_ok() || scope.writes_made() == before,
        "refused after writing: {command:?}: {result:?}"
    );
    result
}

/// Applies a command that a process asked for inside another one's entry.
pub(crate) fn apply_inner(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    dispatch(scope, command)
}

/// The group's time after this command: never earlier than before.
fn advance_time(tx: &mut Tx<'_>, stamped: &Stamped, ids: &mut IdSource) -> Timestamp {
    let mut nothing = Vec::new();
    let platform = (TenantId::PLATFORM, Site::NONE);
    let mut scope = Scope::new(tx, platform, stamped.at, Actor::System, ids, &mut nothing);
    let before = GROUP_TIME.get(&scope, &()).map_or(i64::MIN, |count| count.0 as i64);
    let now = before.max(stamped.at.as_millis());
    if now != before {
        GROUP_TIME.put(&mut scope, &(), &Count(now as u64));
    }
    Timestamp::from_millis(now)
}

/// The time of the newest command a group has applied, as its leaders stamped it; `None` before the first.
pub fn group_time(reader: &dyn Reader) -> Option<Timestamp> {
    let view = ReadScope::new(reader, TenantId::PLATFORM, Site::NONE);
    GROUP_TIME.get(&view, &()).map(|count| Timestamp::from_millis(count.0 as i64))
}

/// What became of an earlier command with this id, if it is still remembered. The leader asks before it
/// adds facts: a request that was decided is answered as it was then, whatever has changed since.
pub fn earlier(
    view: &(impl View + ?Sized),
    id: CommandId,
    keep: Keep,
    request: &[u8; 16],
) -> Option<Outcome> {
    keep.millis()?;
    let record = COMMANDS.get(view, &id)?;
    let result = if record.request == *request { record.result } else { Err(Refusal::KeyReused) };
    Some(Outcome { result, replayed: true })
}

fn remember(scope: &mut Scope<'_, '_>, stamped: &Stamped, result: &Result<Reply, Refusal>) {
    let Some(millis) = stamped.keep.millis() else { return };
    // A refusal changed nothing: the same id may try again, with better values or fresher facts.
    if result.is_err() {
        return;
    }
    let at = scope.at();
    let record = CommandRecord { request: stamped.request, result: result.clone(), at };
    COMMANDS.put(scope, &stamped.id, &record);
    COMMANDS_DUE.put(scope, &(at.plus_millis(millis), stamped.id), &crate::scope::Present);
    let mut position = 0;
    while let Some(envelope) = scope.event(position) {
        position += 1;
        // A manual payment is answered at once: nobody waits for its outcome.
        if let Event::Payments(payments::Event::PaymentInitiated { payment, provider, .. }) = &envelope.event
            && provider != payments::MANUAL
        {
            let payment = *payment;
            PAYMENT_COMMANDS.put(scope, &payment, &CommandRef(stamped.id));
        }
    }
}

/// Completes the stored answers of commands whose payments this entry decided.
fn answer_for_payments(scope: &mut Scope<'_, '_>) {
    use payments::Event as Payments;
    let mut position = 0;
    while let Some(envelope) = scope.event(position) {
        position += 1;
        let Event::Payments(
            Payments::PaymentCompleted { payment, order, .. }
            | Payments::PaymentAuthorised { payment, order, .. }
            | Payments::PaymentFailed { payment, order, .. }
            | Payments::PaymentVoided { payment, order, .. },
        ) = &envelope.event
        else {
            continue;
        };
        let (payment, order, tenant, site) = (*payment, *order, envelope.tenant, envelope.site);
        scope.within(tenant, site, |scope| complete_answer(scope, payment, order));
    }
}

fn complete_answer(scope: &mut Scope<'_, '_>, payment: PaymentId, order: crate::ids::OrderId) {
    let Some(CommandRef(id)) = PAYMENT_COMMANDS.get(scope, &payment) else { return };
    PAYMENT_COMMANDS.delete(scope, &payment);
    let (Some(mut record), Some(order)) = (COMMANDS.get(scope, &id), orders::ORDERS.get(scope, &order))
    else {
        return;
    };
    if let Ok(reply) = &mut record.result {
        let payments = payments::of_order(scope, order.id);
        reply.record = Some(encode(&Settled { order, payments }));
        if encode(&record).len() <= crate::check::RECORD_BYTES_MAX {
            COMMANDS.put(scope, &id, &record);
        }
    }
}

fn sweep(scope: &mut Scope<'_, '_>) {
    for (key, _) in COMMANDS_DUE.rows(scope, &(), SWEEP_MAX) {
        let Some((due, id)) = split_due_key(&key) else { break };
        if due > scope.at() {
            break;
        }
        COMMANDS_DUE.delete(scope, &(due, id));
        COMMANDS.delete(scope, &id);
    }
}

/// Whether a row of the state is of a table that every command asks and hardly any writes.
pub fn is_settled_key(key: &[u8]) -> bool {
    placement::ELSEWHERE.holds(key)
        || bundle::ARRIVAL.holds(key)
        || version::VERSION.holds(key)
        || inventory::WAREHOUSES.holds(key)
}

/// Whether all rows from `from` up to, and without, `until` are of one such table.
pub fn is_settled_range(from: &[u8], until: &[u8]) -> bool {
    is_settled_key(from) && !until.is_empty() && until <= &prefix_end(scope::table_of(from))[..]
}

/// Whether a row of the state is the record of a command.
pub fn is_record_key(key: &[u8]) -> bool {
    COMMANDS.holds(key)
}

fn split_due_key(key: &[u8]) -> Option<(Timestamp, CommandId)> {
    let (due, id) = key.split_at_checked(8)?;
    let millis = u64::from_be_bytes(due.try_into().ok()?) ^ (1 << 63);
    Some((Timestamp::from_millis(millis as i64), CommandId(id.try_into().ok()?)))
}

/// Lets processes answer each event with further commands, inside this entry, until none is left.
fn follow(scope: &mut Scope<'_, '_>) {
    /// More than any chain of processes can make; reaching it is a loop, which is a bug.
    const EVENTS_MAX: usize = 4_096;
    let mut position = 0;
    while let Some(envelope) = scope.event(position).cloned() {
        assert!(position < EVENTS_MAX, "processes answer each other without end");
        position += 1;
        scope.within(envelope.tenant, envelope.site, |scope| {
            for command in processes::react(scope, &envelope.event) {
                // A process's command that no longer fits (the order was cancelled meanwhile) is
                // dropped: the refusal is the answer "nothing to do".
                let _ = scope.acting_as(Actor::System, |scope| apply_inner(scope, &command));
            }
        });
    }
}

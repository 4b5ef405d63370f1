//! What a story needs from the world it runs in.

use gearify_commerce::command::{CommandId, GroupKind, Keep, Reply};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::{Actor, ReadScope, Refusal, Site, TenantId, Timestamp, Vault};
use gearify_storage::Reader;

/// A shop's state machines, however they are run.
pub trait Stage {
    /// Completes an intent on the leader, applies it, and answers. `key` names the intention: the
    /// same key is the same intention, sent again.
    fn submit(
        &mut self,
        tenant: TenantId,
        actor: Actor,
        key: Option<&str>,
        intent: Intent,
    ) -> Result<Reply, Refusal>;

    /// Lets time pass and runs what falls due.
    fn pass(&mut self, millis: i64);

    fn now(&self) -> Timestamp;

    /// Reads committed state of the group; of the region, that of the tenant's shard.
    fn read(&self, group: GroupKind, tenant: TenantId, with: &mut dyn FnMut(&dyn Reader));

    fn vault(&self) -> &dyn Vault;

    /// An act of the story is about to begin, counted from 1.
    fn begins(&mut self, _act: u64) {}
}

/// Reads one tenant's site, or the tenant as a whole where the group has no sites.
pub fn look<T>(
    stage: &dyn Stage,
    group: GroupKind,
    tenant: TenantId,
    read: impl FnOnce(&ReadScope<'_>) -> T,
) -> T {
    let site = if group == GroupKind::Region { Site::FIRST } else { Site::NONE };
    let mut read = Some(read);
    let mut found = None;
    stage.read(group, tenant, &mut |reader| {
        let read = read.take().expect("a stage reads once");
        found = Some(read(&ReadScope::new(reader, tenant, site)));
    });
    found.expect("a stage reads when asked")
}

/// A request as a node would form it. `serial` names it where no key does.
pub fn request(
    vault: &dyn Vault,
    tenant: TenantId,
    actor: Actor,
    key: Option<&str>,
    serial: u128,
    intent: Intent,
) -> Request {
    let site = if intent.group() == GroupKind::Region { Site::FIRST } else { Site::NONE };
    let named = |name: &[u8]| vault.hash(tenant, "command", name);
    let id = key.map_or_else(|| named(&serial.to_be_bytes()), |key| named(key.as_bytes()));
    let hash = named(format!("{intent:?}").as_bytes());
    // Records of intentions that move money or stock are kept long.
    let keep = if key.is_some() { Keep::Long } else { Keep::Short };
    Request { id: CommandId(id), keep, hash, tenant, site, actor, intent }
}

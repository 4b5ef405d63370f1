//! Personal data under keys of three levels: person under tenant under the node's master key.
//!
//! A tenant's key is derived from the master key, so it needs no storing; a person's key is random,
//! stored wrapped in one state row, and gone with it. Hashes are keyed per tenant: equal e-mail
//! addresses of two shops can't be matched. A copy of a shop is under the keys of the shop it was made of.

use gearify_commerce::sealed::{KeyedHash, SealError, Vault, WrappedKey};
use gearify_commerce::{PersonId, ReadScope, Site, TenantId, tenants};
use gearify_storage::Reader;
use gearify_storage::seal::{DataKey, MasterKey, Random, SystemRandom};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Tenants whose keys are at hand; with more of them the keys are derived anew now and then.
const TENANT_KEYS_MAX: usize = 4_096;

pub struct NodeVault {
    master: MasterKey,
    random: Box<dyn Random>,
    /// The state of `world`, which knows whose copy a shop is.
    world: RwLock<Option<Weak<dyn Reader>>>,
    /// Every request needs its tenant's key several times.
    tenant_keys: RwLock<BTreeMap<TenantId, DataKey>>,
}

impl NodeVault {
    pub fn new(master: MasterKey) -> NodeVault {
        NodeVault::drawing(master, Box::new(SystemRandom))
    }

    /// A vault whose keys and nonces come from `random`.
    pub fn drawing(master: MasterKey, random: Box<dyn Random>) -> NodeVault {
        let (world, tenant_keys) = (RwLock::default(), RwLock::default());
        NodeVault { master, random, world, tenant_keys }
    }

    /// From here on, a shop that is a copy of another is under that one's keys.
    pub fn know_copies(&self, world: &Arc<dyn Reader>) {
        *self.world.write() = Some(Arc::downgrade(world));
    }

    /// Tells master keys apart without showing them.
    pub fn fingerprint(&self) -> String {
        self.master.fingerprint()
    }

    /// A key for something of the node as a whole, such as sessions.
    pub fn purpose_key(&self, purpose: &str) -> DataKey {
        self.master.derive(format!("node/{purpose}").as_bytes())
    }

    fn tenant_key(&self, tenant: TenantId) -> DataKey {
        let world = self.world.read().as_ref().and_then(Weak::upgrade);
        let source = world.map_or(tenant, |world| {
            tenants::keys_of(&ReadScope::new(&*world, TenantId::PLATFORM, Site::NONE), tenant)
        });
        if let Some(key) = self.tenant_keys.read().get(&source) {
            return key.clone();
        }
        let mut context = b"tenant/".to_vec();
        context.extend_from_slice(&source.bits().to_be_bytes());
        let key = self.master.derive(&context);
        let mut keys = self.tenant_keys.write();
        if keys.len() >= TENANT_KEYS_MAX {
            keys.clear();
        }
        keys.insert(source, key.clone());
        key
    }

    fn person_key(&self, tenant: TenantId, key: &WrappedKey) -> Result<DataKey, SealError> {
        self.tenant_key(tenant).unwrap(&key.0, b"person").map_err(|_| SealError::WrongKey)
    }
}

impl Vault for NodeVault {
    fn new_key(&self, tenant: TenantId) -> WrappedKey {
        let made = DataKey::generate(&*self.random)
            .and_then(|key| self.tenant_key(tenant).wrap(&key, b"person", &*self.random));
        WrappedKey(made.expect("without randomness a node must not go on sealing"))
    }

    fn seal(
        &self,
        tenant: TenantId,
        person: PersonId,
        key: &WrappedKey,
        plain: &[u8],
    ) -> Result<([u8; 12], Vec<u8>), SealError> {
        let key = self.person_key(tenant, key)?;
        let nonce = self.random.nonce().expect("without randomness a node must not go on sealing");
        Ok((nonce, key.seal(nonce, &person.bits().to_be_bytes(), plain)))
    }

    fn open(
        &self,
        tenant: TenantId,
        person: PersonId,
        key: &WrappedKey,
        nonce: &[u8; 12],
        cipher: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let key = self.person_key(tenant, key)?;
        key.open(*nonce, &person.bits().to_be_bytes(), cipher).map_err(|_| SealError::WrongKey)
    }

    fn hash(&self, tenant: TenantId, purpose: &str, value: &[u8]) -> KeyedHash {
        self.tenant_key(tenant).keyed_hash(purpose, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> NodeVault {
        NodeVault::new(MasterKey::generate(&SystemRandom).expect("the system has randomness"))
    }

    #[test]
    fn a_value_opens_for_its_person_and_tenant_only() {
        let vault = vault();
        let (shop, other) = (TenantId::from_bits(1), TenantId::from_bits(2));
        let person = PersonId::from_bits(7);
        let key = vault.new_key(shop);
        let (nonce, cipher) = vault.seal(shop, person, &key, b"12 Crease Lane").expect("the key fits");
        let open = |tenant, person| vault.open(tenant, person, &key, &nonce, &cipher);
        assert_eq!(open(shop, person), Ok(b"12 Crease Lane".to_vec()));
        assert_eq!(open(other, person), Err(SealError::WrongKey));
        assert_eq!(open(shop, PersonId::from_bits(8)), Err(SealError::WrongKey));
        assert!(!cipher.windows(6).any(|window| window == b"Crease"));
    }

    #[test]
    fn hashes_are_equal_within_a_tenant_and_purpose_only() {
        let vault = vault();
        let (shop, other) = (TenantId::from_bits(1), TenantId::from_bits(2));
        let hash = vault.hash(shop, "email", b"ann@shop.example");
        assert_eq!(hash, vault.hash(shop, "email", b"ann@shop.example"));
        assert_ne!(hash, vault.hash(other, "email", b"ann@shop.example"));
        assert_ne!(hash, vault.hash(shop, "phone", b"ann@shop.example"));
    }
}

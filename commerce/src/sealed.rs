//! Personal data as it is stored: sealed before it enters a log, opened only to be shown.
//!
//! Every person (a customer, a staff member, or the guest of one order) has a key of their own, wrapped
//! by the tenant's, which is wrapped by the node's master key. The wrapped key is one mutable state row;
//! deleting it makes everything sealed under it unreadable, in every log and archive. `apply` never
//! opens anything: rules use the keyed hashes and codes that stand beside the sealed value.

use crate::ids::{PersonId, TenantId};
use crate::scope::{Scope, Table, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// A `T` under a person's key. Its bytes say nothing but who the person is and how long the text.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sealed<T> {
    person: PersonId,
    nonce: [u8; 12],
    cipher: Vec<u8>,
    shape: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// About what the value takes in a record.
    pub fn stored_bytes(&self) -> usize {
        self.cipher.len() + 64
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Sealed { person: self.person, nonce: self.nonce, cipher: self.cipher.clone(), shape: PhantomData }
    }
}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.person, self.nonce, &self.cipher) == (other.person, other.nonce, &other.cipher)
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> std::fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({})", self.person)
    }
}

/// Why something stays sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum SealError {
    #[error("the person's data was erased")]
    Erased,
    #[error("the key does not fit")]
    WrongKey,
}

/// A person's key under the tenant's key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey(pub Vec<u8>);
gearify_storage::first_version!(WrappedKey);

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrappedKey")
    }
}

/// A keyed hash per tenant and purpose, for finding equal values without knowing them.
pub type KeyedHash = [u8; 16];

/// The cryptography, which needs randomness and the master key and so lives outside.
pub trait Vault: Send + Sync {
    /// A fresh person key.
    fn new_key(&self, tenant: TenantId) -> WrappedKey;
    /// The cipher text of `plain`, with a fresh nonce. `person` is authenticated with it.
    fn seal(
        &self,
        tenant: TenantId,
        person: PersonId,
        key: &WrappedKey,
        plain: &[u8],
    ) -> Result<([u8; 12], Vec<u8>), SealError>;
    fn open(
        &self,
        tenant: TenantId,
        person: PersonId,
        key: &WrappedKey,
        nonce: &[u8; 12],
        cipher: &[u8],
    ) -> Result<Vec<u8>, SealError>;
    /// `purpose` keeps hashes of different fields apart: `"email"`, `"phone"`, `"name"`, `"token"`.
    fn hash(&self, tenant: TenantId, purpose: &str, value: &[u8]) -> KeyedHash;
}

/// Wrapped keys by person. Tag 1 belongs to sealing in every group.
pub const PERSON_KEYS: Table<PersonId, WrappedKey> = Table::new(1);

/// When a person's data was erased. A restored copy of older state replays this register before it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    pub at: crate::Timestamp,
}
gearify_storage::first_version!(Erased);

/// The erasure register, in every group.
pub const ERASED: Table<PersonId, Erased> = Table::new(7);

/// Makes everything sealed under the person's key unreadable, for good.
pub fn erase(scope: &mut Scope<'_, '_>, person: PersonId) {
    let at = scope.at();
    erase_at(scope, person, at);
}

/// As [`erase`], for somebody who was erased at another time.
pub(crate) fn erase_at(scope: &mut Scope<'_, '_>, person: PersonId, at: crate::Timestamp) {
    PERSON_KEYS.delete(scope, &person);
    ERASED.put(scope, &person, &Erased { at });
}

/// A person about to be written about: an existing one, or a new one with a fresh key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRef {
    pub person: PersonId,
    /// Set when the person has no key yet; the entry stores it.
    pub new_key: Option<WrappedKey>,
}

impl PersonRef {
    /// The person's key as stored, or a fresh one to be stored by the entry. Who was erased gets none: what
    /// is sealed for them is refused as [`SealError::Erased`].
    pub fn of(view: &(impl View + ?Sized), vault: &dyn Vault, person: PersonId) -> PersonRef {
        let is_new = !PERSON_KEYS.contains(view, &person) && !ERASED.contains(view, &person);
        let new_key = is_new.then(|| vault.new_key(view.tenant()));
        PersonRef { person, new_key }
    }

    /// Stores the fresh key, if any. An existing key is never replaced, an erased one never made again.
    pub fn remember(&self, scope: &mut Scope<'_, '_>) {
        if let Some(key) = &self.new_key
            && !PERSON_KEYS.contains(scope, &self.person)
            && !ERASED.contains(scope, &self.person)
        {
            PERSON_KEYS.put(scope, &self.person, key);
        }
    }
}

/// Seals `value` for a person.
pub fn seal<T: Serialize>(
    view: &(impl View + ?Sized),
    vault: &dyn Vault,
    person: &PersonRef,
    value: &T,
) -> Result<Sealed<T>, SealError> {
    let stored = PERSON_KEYS.get(view, &person.person);
    let key = stored.as_ref().or(person.new_key.as_ref()).ok_or(SealError::Erased)?;
    let plain =
        postcard::to_allocvec(value).expect("personal records hold only types that postcard can write");
    let (nonce, cipher) = vault.seal(view.tenant(), person.person, key, &plain)?;
    Ok(Sealed { person: person.person, nonce, cipher, shape: PhantomData })
}

/// Opens a sealed value, to show it to someone who may see it.
pub fn open<T: DeserializeOwned>(
    view: &(impl View + ?Sized),
    vault: &dyn Vault,
    sealed: &Sealed<T>,
) -> Result<T, SealError> {
    let key = PERSON_KEYS.get(view, &sealed.person).ok_or(SealError::Erased)?;
    let plain = vault.open(view.tenant(), sealed.person, &key, &sealed.nonce, &sealed.cipher)?;
    postcard::from_bytes(&plain).map_err(|_| SealError::WrongKey)
}

/// An e-mail address in the one form that is hashed: trimmed, lower case, NFC.
pub fn normal_email(address: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    address.trim().to_lowercase().nfc().collect()
}

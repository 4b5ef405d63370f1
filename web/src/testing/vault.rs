//! Sealing for tests: real keys and nonces, a toy cipher.

use gearify_commerce::sealed::{KeyedHash, SealError, Vault, WrappedKey};
use gearify_commerce::{PersonId, TenantId};

pub struct ToyVault;

fn stream(key: &[u8], nonce: &[u8; 12], person: PersonId, length: usize) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key).update(nonce).update(&person.bits().to_be_bytes());
    let mut bytes = vec![0; length];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

impl Vault for ToyVault {
    fn new_key(&self, _: TenantId) -> WrappedKey {
        WrappedKey(rand::random::<[u8; 32]>().to_vec())
    }

    fn seal(
        &self,
        _: TenantId,
        person: PersonId,
        key: &WrappedKey,
        plain: &[u8],
    ) -> Result<([u8; 12], Vec<u8>), SealError> {
        let nonce = rand::random();
        let mask = stream(&key.0, &nonce, person, plain.len());
        Ok((nonce, plain.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()))
    }

    fn open(
        &self,
        _: TenantId,
        person: PersonId,
        key: &WrappedKey,
        nonce: &[u8; 12],
        cipher: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mask = stream(&key.0, nonce, person, cipher.len());
        Ok(cipher.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect())
    }

    fn hash(&self, tenant: TenantId, purpose: &str, value: &[u8]) -> KeyedHash {
        let mut hasher = blake3::Hasher::new_keyed(&[42; 32]);
        hasher.update(&tenant.bits().to_be_bytes()).update(purpose.as_bytes()).update(&[0]).update(value);
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }
}

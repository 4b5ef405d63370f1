//! Sealing: bytes that only the holder of a key reads, and hashes that only the holder can compute.
//!
//! AES-256-GCM and HMAC-SHA256 from `ring`. Every use has a subkey of its own, so that sealing,
//! wrapping and hashing under one key never meet. Our copies of keys are wiped when dropped; `Debug`
//! prints nothing of a key; no error carries plain text or says which part of an input was wrong.
//!
//! Keys form a tree: a [`MasterKey`] in a file wraps data keys, and a [`DataKey`] may wrap further ones.
//! What becomes of the data when a key's only wrapped copy is deleted is the point of it: nobody opens it.

mod master;

pub use master::{KeyFileError, MasterKey};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::SecureRandom;
use std::fmt;
use zeroize::Zeroizing;

/// Length of every key, in bytes.
pub const KEY_BYTES: usize = 32;
/// Length of a nonce, in bytes.
pub const NONCE_BYTES: usize = 12;
/// What sealing adds to the plain text, in bytes.
pub const SEAL_OVERHEAD_BYTES: usize = 16;
/// Length of a keyed hash, in bytes.
pub const KEYED_HASH_BYTES: usize = 16;

/// Why bytes stay sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another key, nonce or context, or changed bytes: from outside they look the same.
    #[error("the sealed bytes do not open with this key and context")]
    Refused,
    #[error("the random generator failed")]
    NoRandomness,
}

/// Where keys and nonces come from. Tests hand in a seeded one; a node uses [`SystemRandom`].
pub trait Random: Send + Sync {
    /// Fills `bytes` with bytes nobody can guess.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), SealError>;

    /// A nonce for [`DataKey::seal`]. Random ones stay unique for some billions of values per key.
    fn nonce(&self) -> Result<[u8; NONCE_BYTES], SealError> {
        let mut nonce = [0; NONCE_BYTES];
        self.fill(&mut nonce)?;
        Ok(nonce)
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), SealError> {
        ring::rand::SystemRandom::new().fill(bytes).map_err(|_| SealError::NoRandomness)
    }
}

/// A key for data: of a tenant, of a person, of a file.
#[derive(Clone)]
pub struct DataKey {
    secret: Secret,
}

impl DataKey {
    pub fn generate(random: &dyn Random) -> Result<DataKey, SealError> {
        Ok(DataKey { secret: Secret::generate(random)? })
    }

    /// Cipher text with its tag, [`SEAL_OVERHEAD_BYTES`] longer than `plain`. `aad` is not stored: the
    /// same bytes must be given to [`DataKey::open`], which ties a value to its place.
    ///
    /// One nonce seals one value under a key; a second value under the same nonce would reveal both.
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        self.secret.seal(Use::Seal, nonce, aad, plain)
    }

    /// The plain text of what [`DataKey::seal`] made.
    ///
    /// # Errors
    /// [`SealError::Refused`] for another key, nonce or `aad`, or a single changed bit.
    pub fn open(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut bytes = self.secret.open(Use::Seal, nonce, aad, sealed)?;
        Ok(std::mem::take(&mut *bytes))
    }

    /// A hash that only holders of this key can compute, for finding equal values without storing
    /// them. `purpose` keeps the hashes of different fields apart.
    pub fn keyed_hash(&self, purpose: &str, bytes: &[u8]) -> [u8; KEYED_HASH_BYTES] {
        self.secret.keyed_hash(purpose, bytes)
    }

    /// `key` sealed under this one: nonce, then cipher text. `context` says whose key it is.
    pub fn wrap(&self, key: &DataKey, context: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
        self.secret.wrap(&key.secret, context, random)
    }

    /// # Errors
    /// [`SealError::Refused`] for another wrapping key or `context`, or changed bytes.
    pub fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<DataKey, SealError> {
        Ok(DataKey { secret: self.secret.unwrap(wrapped, context)? })
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

/// What a subkey is for.
#[derive(Clone, Copy)]
enum Use {
    Seal,
    Wrap,
    Hash,
    Derive,
    Fingerprint,
}

impl Use {
    /// Changing one of these makes everything sealed with it unreadable.
    fn label(self) -> &'static [u8] {
        match self {
            Use::Seal => b"gearify/1/seal",
            Use::Wrap => b"gearify/1/wrap",
            Use::Hash => b"gearify/1/hash",
            Use::Derive => b"gearify/1/derive",
            Use::Fingerprint => b"gearify/1/fingerprint",
        }
    }
}

/// The bytes of a key and all that is done with them.
#[derive(Clone)]
struct Secret(Zeroizing<[u8; KEY_BYTES]>);

impl Secret {
    fn generate(random: &dyn Random) -> Result<Secret, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random.fill(&mut *bytes)?;
        Ok(Secret(bytes))
    }

    fn from_slice(bytes: &[u8]) -> Option<Secret> {
        let mut copy = Zeroizing::new([0; KEY_BYTES]);
        (bytes.len() == KEY_BYTES).then(|| copy.copy_from_slice(bytes))?;
        Some(Secret(copy))
    }

    fn subkey(&self, r#use: Use) -> Secret {
        Secret(mac(&self.0, r#use.label()))
    }

    /// A key of its own for each `context`, the same every time.
    fn derive(&self, context: &[u8]) -> Secret {
        Secret(mac(&self.subkey(Use::Derive).0, context))
    }

    fn cipher(&self, r#use: Use) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, &*self.subkey(r#use).0);
        LessSafeKey::new(key.expect("a subkey has the length AES-256 asks for"))
    }

    fn seal(&self, r#use: Use, nonce: [u8; NONCE_BYTES], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(plain.len() + SEAL_OVERHEAD_BYTES);
        bytes.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealed = self.cipher(r#use).seal_in_place_append_tag(nonce, Aad::from(aad), &mut bytes);
        sealed.expect("values are far under the 64 GiB that one nonce can seal");
        bytes
    }

    fn open(
        &self,
        r#use: Use,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut bytes = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.cipher(r#use).open_in_place(nonce, Aad::from(aad), &mut bytes);
        let length = opened.map_err(|_| SealError::Refused)?.len();
        bytes.truncate(length);
        Ok(bytes)
    }

    fn wrap(&self, key: &Secret, context: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
        let nonce = random.nonce()?;
        Ok([&nonce[..], &self.seal(Use::Wrap, nonce, context, &*key.0)].concat())
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Secret, SealError> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Refused)?;
        let bytes = self.open(Use::Wrap, *nonce, context, sealed)?;
        Secret::from_slice(&bytes).ok_or(SealError::Refused)
    }

    fn keyed_hash(&self, purpose: &str, bytes: &[u8]) -> [u8; KEYED_HASH_BYTES] {
        let hash = mac(&mac(&self.subkey(Use::Hash).0, purpose.as_bytes()), bytes);
        *hash.first_chunk().expect("a MAC is longer than a keyed hash")
    }

    fn fingerprint(&self) -> String {
        let hash = mac(&self.0, Use::Fingerprint.label());
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn mac(key: &[u8; KEY_BYTES], message: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

#[cfg(test)]
mod tests;

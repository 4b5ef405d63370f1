//! Ed25519 keys that sign access tokens. The node holds them and rotates them; the web only uses them.

use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::sync::Arc;

/// The signing keys of this cluster.
pub trait Keys: Send + Sync + 'static {
    /// The key for new tokens.
    fn current(&self) -> Arc<SigningKey>;
    /// Every key whose tokens are still good, the current one among them.
    fn all(&self) -> Vec<Arc<SigningKey>>;
}

/// A key pair with its name.
pub struct SigningKey {
    pub(super) id: String,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
    public: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("the seed makes no key")]
    Seed,
}

/// The fixed start of a PKCS #8 (version 1) document that holds an Ed25519 seed. Source: RFC 8410.
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

impl SigningKey {
    /// The key of a secret seed. Its id is a hash of the public half, so equal seeds have equal ids.
    ///
    /// # Errors
    /// [`KeysError::Seed`] if the seed makes no key pair.
    pub fn from_seed(seed: &[u8; 32]) -> Result<SigningKey, KeysError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeysError::Seed)?;
        let public = pair.public_key().as_ref().to_vec();
        let mut document = PKCS8_ED25519.to_vec();
        document.extend_from_slice(seed);
        Ok(SigningKey {
            id: blake3::hash(&public).to_hex()[..16].to_owned(),
            encoding: EncodingKey::from_ed_der(&document),
            decoding: DecodingKey::from_ed_der(&public),
            public,
        })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, 32 bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }
}

/// One key that never changes.
pub struct StaticKeys(Arc<SigningKey>);

impl StaticKeys {
    pub fn new(key: SigningKey) -> StaticKeys {
        StaticKeys(Arc::new(key))
    }
}

impl Keys for StaticKeys {
    fn current(&self) -> Arc<SigningKey> {
        self.0.clone()
    }

    fn all(&self) -> Vec<Arc<SigningKey>> {
        vec![self.0.clone()]
    }
}

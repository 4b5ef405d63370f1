//! Access tokens: JWTs signed with Ed25519, good for fifteen minutes and for one tenant.

use super::{Keys, SigningKey};
use gearify_commerce::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long an access token is good for.
pub const TOKEN_SECONDS: i64 = 15 * 60;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// `customer_…` or `staff_…`.
    pub sub: String,
    /// The tenant this token is for; the host must be one of its.
    pub tid: String,
    /// The session it belongs to: signing out ends it at once.
    pub sid: String,
    pub iat: i64,
    pub exp: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token can't be read or its signature does not fit")]
    Invalid,
    #[error("the token has expired")]
    Expired,
    #[error("the token could not be signed")]
    Signing,
}

/// Issues and checks access tokens.
pub struct Tokens {
    keys: Arc<dyn Keys>,
    /// Tokens whose signature was found good, by their hash: a signature is checked once.
    checked: Cache<[u8; 32], Arc<Claims>>,
}

const ISSUER: &str = "gearify";
const CHECKED_MAX: u64 = 20_000;
/// Longer ones are not ours.
const TOKEN_BYTES_MAX: usize = 2_048;

impl Tokens {
    pub fn new(keys: Arc<dyn Keys>) -> Tokens {
        Tokens { keys, checked: Cache::new(CHECKED_MAX) }
    }

    pub fn keys(&self) -> &dyn Keys {
        &*self.keys
    }

    /// # Errors
    /// [`TokenError::Signing`] if the key can't sign, which is a fault of this node.
    pub fn issue(
        &self,
        subject: String,
        tenant: String,
        session: String,
        now: Timestamp,
    ) -> Result<String, TokenError> {
        let issued = now.as_millis() / 1_000;
        let claims = Claims {
            iss: ISSUER.into(),
            sub: subject,
            tid: tenant,
            sid: session,
            iat: issued,
            exp: issued + TOKEN_SECONDS,
        };
        let key = self.keys.current();
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, &claims, &key.encoding).map_err(|_| TokenError::Signing)
    }

    /// # Errors
    /// [`TokenError::Invalid`] or [`TokenError::Expired`].
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Arc<Claims>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Invalid);
        }
        let hash = *blake3::hash(token.as_bytes()).as_bytes();
        let claims = match self.checked.get(&hash) {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.verify(token)?);
                self.checked.insert(hash, claims.clone());
                claims
            }
        };
        if claims.exp <= now.as_millis() / 1_000 { Err(TokenError::Expired) } else { Ok(claims) }
    }

    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let named = |key: &Arc<SigningKey>| Some(&key.id) == header.kid.as_ref();
        let key = self.keys.all().into_iter().find(named).ok_or(TokenError::Invalid)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_issuer(&[ISSUER]);
        // The time is compared by `check`, with the caller's clock.
        rules.validate_exp = false;
        jsonwebtoken::decode::<Claims>(token, &key.decoding, &rules)
            .map(|data| data.claims)
            .map_err(|_| TokenError::Invalid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::StaticKeys;

    fn tokens(seed: u8) -> Tokens {
        Tokens::new(Arc::new(StaticKeys::new(SigningKey::from_seed(&[seed; 32]).unwrap())))
    }

    #[test]
    fn a_token_is_good_until_it_expires() {
        let (tokens, now) = (tokens(1), Timestamp::from_millis(1_700_000_000_000));
        let token = tokens.issue("customer_1".into(), "tenant_1".into(), "session_1".into(), now).unwrap();
        assert_eq!(tokens.check(&token, now).unwrap().sub, "customer_1");
        let later = now.plus_millis(TOKEN_SECONDS * 1_000);
        assert_eq!(tokens.check(&token, later), Err(TokenError::Expired));
    }

    #[test]
    fn another_key_or_a_changed_byte_is_refused() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let token = tokens(1).issue("a".into(), "b".into(), "c".into(), now).unwrap();
        assert_eq!(tokens(2).check(&token, now), Err(TokenError::Invalid));
        let mut changed = token.clone().into_bytes();
        let place = changed.len() / 2;
        changed[place] ^= 1;
        assert!(tokens(1).check(&String::from_utf8_lossy(&changed), now).is_err());
        // A token that claims to need no signature.
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        assert_eq!(tokens(1).check(&unsigned, now), Err(TokenError::Invalid));
    }
}

//! A join token: what a new node needs to find the right cluster and be let in, once.
//!
//! Text: `gearify-join-` and hexadecimal digits of version, the authority's public key, token id, secret,
//! cluster name and a checksum, so that a typing error is told from a wrong token.

use super::hex;
use super::roster::TokenId;
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "gearify-join-";
const VERSION: u8 = 1;
const FIXED_BYTES: usize = 1 + 32 + 8 + 16;
const SUM_BYTES: usize = 4;

#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    pub cluster: String,
    pub authority: [u8; 32],
    pub id: TokenId,
    pub secret: [u8; 16],
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not a join token, or a part of it is missing")]
pub struct TokenError;

impl JoinToken {
    pub fn new(cluster: &str, authority: [u8; 32]) -> JoinToken {
        JoinToken { cluster: cluster.to_owned(), authority, id: rand::random(), secret: rand::random() }
    }

    /// What the cluster keeps of the secret.
    pub fn secret_hash(&self) -> [u8; 32] {
        secret_hash(&self.secret)
    }
}

pub fn secret_hash(secret: &[u8; 16]) -> [u8; 32] {
    *blake3::hash(secret).as_bytes()
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.authority);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.secret);
        bytes.extend_from_slice(self.cluster.as_bytes());
        bytes.extend_from_slice(&blake3::hash(&bytes).as_bytes()[..SUM_BYTES]);
        write!(f, "{PREFIX}{}", hex::encode(&bytes))
    }
}

/// Shows nothing of the secret.
impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({})", self.cluster)
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<JoinToken, TokenError> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(TokenError)?;
        let bytes = hex::decode(digits).ok_or(TokenError)?;
        let (body, sum) = bytes.split_at_checked(bytes.len().saturating_sub(SUM_BYTES)).ok_or(TokenError)?;
        let (fixed, cluster) = body.split_at_checked(FIXED_BYTES).ok_or(TokenError)?;
        if fixed[0] != VERSION || &blake3::hash(body).as_bytes()[..SUM_BYTES] != sum {
            return Err(TokenError);
        }
        Ok(JoinToken {
            cluster: String::from_utf8(cluster.to_vec()).map_err(|_| TokenError)?,
            authority: fixed[1..33].try_into().map_err(|_| TokenError)?,
            id: fixed[33..41].try_into().map_err(|_| TokenError)?,
            secret: fixed[41..].try_into().map_err(|_| TokenError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_copied_and_nothing_less() {
        let token = JoinToken::new("acme-1f", [7; 32]);
        let text = token.to_string();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!(" {text}\n").parse(), Ok(token.clone()));
        for cut in 0..text.len() {
            assert_eq!(text[..cut].parse::<JoinToken>(), Err(TokenError), "{cut}");
        }
        let other = if text.ends_with('0') { "1" } else { "0" };
        assert_eq!(format!("{}{other}", &text[..text.len() - 1]).parse::<JoinToken>(), Err(TokenError));
        assert!(!format!("{token:?}").contains(&hex::encode(&token.secret)));
    }
}

//! Passwords: argon2id on a bounded number of threads.
//!
//! Hashing is slow on purpose, so that only so many run at a time and only so many wait; the rest are
//! told to come back. Checking a password of an address that has no account costs the same time.

use crate::problem::{Kind, Problem};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::Arc;
use std::sync::OnceLock;
use tokio::sync::Semaphore;

pub const PASSWORD_CHARS_MIN: usize = 8;
/// Longer ones would only cost time.
pub const PASSWORD_CHARS_MAX: usize = 200;

/// Sign-ins that may wait for a thread; a second's worth and more on a small machine.
const WAITING_MAX: usize = 64;

/// # Errors
/// What is wrong with a new password, for the person who chose it.
pub fn check_password(password: &str) -> Result<(), String> {
    let chars = password.chars().count();
    if (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        return Ok(());
    }
    Err(format!("must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"))
}

pub struct Passwords {
    running: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords::new()
    }
}

impl Passwords {
    pub fn new() -> Passwords {
        // Half of the processors, so that sign-ins never starve the shop.
        let running = std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1));
        Passwords {
            running: Arc::new(Semaphore::new(running)),
            places: Arc::new(Semaphore::new(running + WAITING_MAX)),
        }
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// `overloaded` if too many are waiting.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.run(move || Passwords::hash_now(&password)).await?
    }

    /// Hashes on this thread: for tools that have nothing else to do.
    pub fn hash_now(password: &str) -> Result<String, Problem> {
        let salt = SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(Problem::internal)?;
        let hash = hasher().hash_password(password.as_bytes(), &salt).map_err(Problem::internal)?;
        Ok(hash.to_string())
    }

    /// Whether the password fits the stored hash; with no hash, never, after the same time.
    ///
    /// # Errors
    /// `overloaded` if too many are waiting.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<bool, Problem> {
        self.run(move || {
            let known = stored.is_some();
            let stored = stored.unwrap_or_else(|| nobody().to_owned());
            let fits = PasswordHash::new(&stored)
                .is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok());
            fits && known
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let overloaded = |_| Problem::new(Kind::Overloaded).retry_after(1);
        let place = self.places.clone().try_acquire_owned().map_err(overloaded)?;
        let turn = self.running.clone().acquire_owned().await.map_err(Problem::internal)?;
        let work = move || {
            // Held by the thread, so that a caller who went away still counts until the work is done.
            let _held = (place, turn);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
    }
}

/// 19 MiB, two passes, one lane: the smaller of the recommended settings. Source: OWASP cheat sheet.
fn hasher() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("the parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The hash of a password nobody has, checked where there is no account.
fn nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let salt = SaltString::encode_b64(&[7; 16]).expect("16 bytes are a salt");
        let random: [u8; 32] = rand::random();
        hasher().hash_password(&random, &salt).expect("hashing takes any bytes").to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_opens_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("long enough".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("long enough".into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("long enougH".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify("long enough".into(), None).await.unwrap());
    }
}

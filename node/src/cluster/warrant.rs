//! Proof that what is asked comes from where the master key is, not only a node's certificate.
//!
//! A node's certificate and key say which node it is, and let it change what the roster says about itself.
//! Everything else is the operator's: the tools beside a node, and the nodes that pass their orders on to the
//! leader, sign it with a key drawn from the master key. Signed are the sender, the time and the order; a
//! warrant holds for a minute around its time, and within it an order may come twice, which changes nothing.

use crate::vault::NodeVault;
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "cluster-operator";
const HOLDS_MS: i64 = 60_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Warrant {
    at_ms: i64,
    seal: [u8; 16],
}

impl Warrant {
    /// For an order that node `from` of a cluster sends.
    pub fn sign(vault: &NodeVault, cluster: &str, from: u64, at_ms: i64, order: &[u8]) -> Warrant {
        let text = [&from.to_be_bytes()[..], &at_ms.to_be_bytes(), order].concat();
        Warrant { at_ms, seal: vault.purpose_key(PURPOSE).keyed_hash(cluster, &text) }
    }

    /// # Errors
    /// Says what is wrong with it.
    pub fn check(
        &self,
        vault: &NodeVault,
        cluster: &str,
        from: u64,
        now_ms: i64,
        order: &[u8],
    ) -> Result<(), &'static str> {
        let right = Warrant::sign(vault, cluster, from, self.at_ms, order).seal;
        // Not at the first difference: how long it takes must not tell where that is.
        let difference = right.iter().zip(self.seal).fold(0, |sum, (right, given)| sum | (right ^ given));
        if difference != 0 {
            return Err("an order of the operator that the master key did not sign");
        }
        if now_ms.abs_diff(self.at_ms) > HOLDS_MS.unsigned_abs() {
            return Err("an order of the operator that is too old, or clocks differ by more than a minute");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_storage::{MasterKey, SystemRandom};

    #[test]
    fn a_warrant_holds_for_its_sender_its_order_and_its_minute() {
        let vault = || NodeVault::new(MasterKey::generate(&SystemRandom).unwrap());
        let (own, other) = (vault(), vault());
        let warrant = Warrant::sign(&own, "acme", 2, 1_000_000, b"remove 3");
        let check = |vault, cluster, from, now_ms, order: &[u8]| {
            warrant.check(vault, cluster, from, now_ms, order).is_ok()
        };
        assert!(check(&own, "acme", 2, 1_000_000, b"remove 3"));
        assert!(check(&own, "acme", 2, 1_000_000 + HOLDS_MS, b"remove 3"));
        let refused = [
            check(&other, "acme", 2, 1_000_000, b"remove 3"),
            check(&own, "acme-2", 2, 1_000_000, b"remove 3"),
            check(&own, "acme", 3, 1_000_000, b"remove 3"),
            check(&own, "acme", 2, 1_000_000, b"remove 1"),
            check(&own, "acme", 2, 1_000_000 + HOLDS_MS + 1, b"remove 3"),
            check(&own, "acme", 2, 1_000_000 - HOLDS_MS - 1, b"remove 3"),
        ];
        assert_eq!(refused, [false; 6]);
    }
}

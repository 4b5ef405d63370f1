//! JSON Merge Patch (RFC 7396) over a record's own body: what is absent stays, `null` clears.

use crate::extract::read_json;
use crate::gate::Call;
use crate::problem::{Kind, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The body after the patch, read with the same rules as a whole one.
///
/// # Errors
/// `unknown-field` and `validation` as for a whole body.
pub fn patched<T: Serialize + DeserializeOwned>(current: &T, patch: Value) -> Result<T, Problem> {
    if !patch.is_object() {
        return Err(Problem::invalid("", "must be an object"));
    }
    let mut whole = serde_json::to_value(current).map_err(Problem::internal)?;
    merge(&mut whole, patch);
    let bytes = serde_json::to_vec(&whole).map_err(Problem::internal)?;
    read_json(&bytes)
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(changes) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Default::default());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in changes {
        match change {
            Value::Null => {
                members.remove(&name);
            }
            change => merge(members.entry(name).or_insert(Value::Null), change),
        }
    }
}

/// The revision a patch is made from: the one the caller saw, which has to be the one that stands.
///
/// # Errors
/// `stale-version` if it is not.
pub fn base(call: &Call, stands: u64) -> Result<Option<u64>, Problem> {
    match call.if_match() {
        Some(seen) if seen != stands => {
            Err(Problem::new(Kind::PreconditionFailed).member("revision", stands))
        }
        _ => Ok(Some(stands)),
    }
}

/// The revision a replacement is made from. A record that is not there yet needs none.
///
/// # Errors
/// `precondition-required` if there is one and the caller does not say which it saw.
pub fn replaces(call: &Call, stands: u64) -> Result<Option<u64>, Problem> {
    if stands == 0 {
        return Ok(call.if_match().or(Some(0)));
    }
    call.require_match()?;
    base(call, stands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_keeps_clears_and_replaces() {
        let mut whole = json!({ "a": "b", "c": { "d": "e", "f": "g" }, "l": [1, 2] });
        merge(&mut whole, json!({ "a": "z", "c": { "f": null }, "l": [3], "n": { "m": null, "o": 1 } }));
        assert_eq!(whole, json!({ "a": "z", "c": { "d": "e" }, "l": [3], "n": { "o": 1 } }));
    }
}

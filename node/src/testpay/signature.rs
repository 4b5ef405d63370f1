//! Signatures of events: `Test-Signature: t=<unix seconds>,v1=<hex>`, where the second part is
//! HMAC-SHA-256 over `t`, a full stop and the body.
//!
//! The time is signed with the body, so that a recorded event cannot be sent again later.

use std::time::Duration;

use ring::hmac;

/// Name of the header that carries the signature.
pub const SIGNATURE_HEADER: &str = "Test-Signature";

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the signature header is not of the form t=…,v1=…")]
    Malformed,
    #[error("the signature is {seconds_off} s away from now")]
    TooOld { seconds_off: u64 },
    #[error("the signature does not match the body")]
    Mismatch,
}

/// The header's value for a body sent at `now_unix`.
pub fn sign(secret: &str, body: &[u8], now_unix: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, &signed_bytes(now_unix, body));
    format!("t={now_unix},v1={}", hex(tag.as_ref()))
}

/// Whether the body comes from who knows the secret, and recently. Takes the same time for every wrong
/// signature. Several `v1` parts are allowed, so that a secret can be changed without a gap.
pub fn verify_signature(
    secret: &str,
    header: &str,
    body: &[u8],
    now_unix: i64,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    let (signed_at, tags) = parse(header).ok_or(SignatureError::Malformed)?;
    let seconds_off = now_unix.abs_diff(signed_at);
    if seconds_off > tolerance.as_secs() {
        return Err(SignatureError::TooOld { seconds_off });
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = signed_bytes(signed_at, body);
    let matches = tags.iter().any(|tag| hmac::verify(&key, &signed, tag).is_ok());
    if matches { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// More would only be there to keep the verifier busy.
const TAGS_MAX: usize = 4;

fn parse(header: &str) -> Option<(i64, Vec<Vec<u8>>)> {
    let mut signed_at = None;
    let mut tags = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            ("t", seconds) if signed_at.is_none() => signed_at = Some(seconds.parse().ok()?),
            ("v1", tag) if tags.len() < TAGS_MAX => tags.push(unhex(tag)?),
            _ => return None,
        }
    }
    if tags.is_empty() { None } else { Some((signed_at?, tags)) }
}

fn signed_bytes(at_unix: i64, body: &[u8]) -> Vec<u8> {
    [at_unix.to_string().as_bytes(), b".", body].concat()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of the tests";
    const BODY: &[u8] = br#"{"id":"tevt_1"}"#;
    const NOW: i64 = 1_800_000_000;
    const TOLERANCE: Duration = Duration::from_secs(300);

    #[test]
    fn a_signature_is_good_for_its_body_secret_and_time_only() {
        let header = sign(SECRET, BODY, NOW);
        let check = |secret, header: &str, body, now, expected| {
            assert_eq!(verify_signature(secret, header, body, now, TOLERANCE), expected, "{header} at {now}");
        };
        check(SECRET, &header, BODY, NOW, Ok(()));
        check(SECRET, &header, BODY, NOW + 300, Ok(()));
        check(SECRET, &header, BODY, NOW + 301, Err(SignatureError::TooOld { seconds_off: 301 }));
        check(SECRET, &header, BODY, NOW - 301, Err(SignatureError::TooOld { seconds_off: 301 }));
        check("another secret", &header, BODY, NOW, Err(SignatureError::Mismatch));
        check(SECRET, &header, b"{}", NOW, Err(SignatureError::Mismatch));
        let later = header.replace(&NOW.to_string(), &(NOW + 1).to_string());
        check(SECRET, &later, BODY, NOW, Err(SignatureError::Mismatch));
    }

    #[test]
    fn the_signature_is_what_other_implementations_compute() {
        // printf '1.x' | openssl dgst -sha256 -hmac key
        let header = sign("key", b"x", 1);
        assert_eq!(header, "t=1,v1=fc4913c41a7bf793267e2a384f3261c9436ec2cd097bd745e7b0d99113f510ec");
    }

    #[test]
    fn headers_of_another_form_are_refused() {
        let good = sign(SECRET, BODY, NOW);
        let tag = good.split_once("v1=").expect("a tag").1;
        let extra = format!("t={NOW},v1={},v1={tag}", "00".repeat(32));
        assert_eq!(
            verify_signature(SECRET, &extra, BODY, NOW, TOLERANCE),
            Ok(()),
            "one of several may match"
        );
        let many = format!("t={NOW}{}", format!(",v1={tag}").repeat(5));
        for header in
            ["", "t=", "t=1", &format!("v1={tag}"), "t=x,v1=00", "t=1,v1=0", "t=1,v1=é", "t=1,v1=zz", &many]
        {
            let verdict = verify_signature(SECRET, header, BODY, NOW, TOLERANCE);
            assert_eq!(verdict, Err(SignatureError::Malformed), "{header}");
        }
        let short = format!("t={NOW},v1={}", &tag[..32]);
        assert_eq!(verify_signature(SECRET, &short, BODY, NOW, TOLERANCE), Err(SignatureError::Mismatch));
    }
}

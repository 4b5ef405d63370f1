//! The name of one request: in every answer, every log line of it, and the trace around it.

use gearify_commerce::{Timestamp, ids};
use http::{HeaderMap, HeaderValue};

/// `req_` and 26 characters that sort by time; with the W3C trace context to pass on.
#[derive(Clone, Debug)]
pub struct RequestId {
    text: String,
    traceparent: String,
}

impl RequestId {
    /// A fresh id. An incoming trace is continued; an incoming request id is not believed.
    pub fn of(headers: &HeaderMap) -> RequestId {
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let random: u128 = rand::random();
        let bits = ids::uuid_v7(now, random);
        let span = rand::random::<u64>().max(1);
        let incoming = headers.get("traceparent").and_then(|value| trace_of(value));
        let traceparent = match incoming {
            Some((trace, flags)) => format!("00-{trace}-{span:016x}-{flags}"),
            None => format!("00-{bits:032x}-{span:016x}-00"),
        };
        RequestId { text: format!("req_{}", ids::encode_base32(bits)), traceparent }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::try_from(self.text.as_str()).expect("an id is plain ASCII")
    }

    pub(super) fn trace_header(&self) -> HeaderValue {
        HeaderValue::try_from(self.traceparent.as_str()).expect("a trace context is plain ASCII")
    }
}

/// Trace id and flags of a version 00 `traceparent`. Source: W3C Trace Context.
fn trace_of(value: &HeaderValue) -> Option<(&str, &str)> {
    let text = value.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts[..] else { return None };
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let set = |part: &str| part.bytes().any(|b| b != b'0');
    let good =
        version == "00" && hex(trace, 32) && set(trace) && hex(parent, 16) && set(parent) && hex(flags, 2);
    good.then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_continued_if_it_is_one() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(value));
            RequestId::of(&headers).traceparent
        };
        let ours = with("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert!(ours.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && ours.ends_with("-01"));
        assert!(!ours.contains("b7ad6b7169203331"));
        for bad in ["", "00-xyz", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            assert_eq!(with(bad).len(), 55, "{bad}");
        }
    }
}

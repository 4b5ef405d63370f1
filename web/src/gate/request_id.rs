//! The name of one request: in every answer, every log line of it, and the trace around it.

use gearify_commerce::{Timestamp, ids};
use http::{HeaderMap, HeaderValue};

/// `req_` and 26 characters that sort by time; with the W3C trace context to pass on. Every request has one and few
/// are ever read, so both are kept in place.
#[derive(Clone, Copy)]
pub struct RequestId {
    text: [u8; TEXT_LEN],
    traceparent: [u8; TRACE_LEN],
}

const PREFIX: &[u8; 4] = b"req_";
const TEXT_LEN: usize = PREFIX.len() + 26;
/// `00-`, 32 digits of the trace, 16 of the span, 2 of the flags.
const TRACE_LEN: usize = 55;
const TRACE_AT: usize = 3;
const SPAN_AT: usize = TRACE_AT + 32 + 1;
const FLAGS_AT: usize = SPAN_AT + 16 + 1;
const NOT_SAMPLED: &str = "00";

impl RequestId {
    /// A fresh id. An incoming trace is continued; an incoming request id is not believed.
    pub fn of(headers: &HeaderMap) -> RequestId {
        let now = Timestamp::from_millis(jiff::Timestamp::now().as_millisecond());
        let random: u128 = rand::random();
        let bits = ids::uuid_v7(now, random);
        let span = rand::random::<u64>().max(1);
        let incoming = headers.get("traceparent").and_then(|value| trace_of(value));
        let mut text = [0; TEXT_LEN];
        text[..PREFIX.len()].copy_from_slice(PREFIX);
        text[PREFIX.len()..].copy_from_slice(ids::Digits::of(bits).as_str().as_bytes());
        let mut traceparent = [b'-'; TRACE_LEN];
        traceparent[..2].copy_from_slice(b"00");
        let flags = match incoming {
            Some((trace, flags)) => {
                traceparent[TRACE_AT..SPAN_AT - 1].copy_from_slice(trace.as_bytes());
                flags
            }
            None => {
                write_hex(&mut traceparent[TRACE_AT..SPAN_AT - 1], bits);
                NOT_SAMPLED
            }
        };
        write_hex(&mut traceparent[SPAN_AT..FLAGS_AT - 1], u128::from(span));
        traceparent[FLAGS_AT..].copy_from_slice(flags.as_bytes());
        RequestId { text, traceparent }
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.text).expect("an id is plain ASCII")
    }

    pub(super) fn header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.text).expect("an id is plain ASCII")
    }

    pub(super) fn trace_header(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.traceparent).expect("a trace context is plain ASCII")
    }
}

/// The last digits of a value, as many as there is room for.
fn write_hex(room: &mut [u8], mut value: u128) {
    for digit in room.iter_mut().rev() {
        *digit = b"0123456789abcdef"[value as usize & 15];
        value >>= 4;
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
            String::from_utf8(RequestId::of(&headers).traceparent.to_vec()).unwrap()
        };
        let ours = with("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert!(ours.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && ours.ends_with("-01"));
        assert!(!ours.contains("b7ad6b7169203331"));
        for bad in ["", "00-xyz", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            let fresh = HeaderValue::try_from(with(bad)).unwrap();
            let (trace, flags) = trace_of(&fresh).expect("one that the next one continues");
            assert!(trace != "00000000000000000000000000000000" && flags == "00", "{bad}");
        }
        let id = RequestId::of(&HeaderMap::new());
        let bits = ids::decode_base32(id.text().strip_prefix("req_").unwrap()).unwrap();
        assert!(
            id.trace_header().to_str().unwrap().starts_with(&format!("00-{bits:032x}-")),
            "they go together"
        );
    }
}

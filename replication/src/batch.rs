//! An entry's body when it carries commands: `[version][kind][count u32][len u32, bytes]…`.
//!
//! Encoded once by the proposer; log row, wire frame and apply share the same bytes.

use crate::frames::{BODY_COMMANDS, BODY_VERSION, FrameError};
use bytes::{Buf, BufMut, Bytes, BytesMut};

const HEADER_BYTES: usize = 2 + 4;

/// Bytes a command takes in an entry beside its own.
pub const COMMAND_OVERHEAD_BYTES: usize = 4;

/// Packs commands into one body.
pub fn encode(commands: &[Bytes]) -> Bytes {
    let size: usize = commands.iter().map(|command| command.len() + COMMAND_OVERHEAD_BYTES).sum();
    let mut out = BytesMut::with_capacity(HEADER_BYTES + size);
    out.put_u8(BODY_VERSION);
    out.put_u8(BODY_COMMANDS);
    out.put_u32(commands.len() as u32);
    for command in commands {
        out.put_u32(command.len() as u32);
        out.put_slice(command);
    }
    out.freeze()
}

/// Splits a body made by [`encode`] without copying.
///
/// # Errors
/// [`FrameError`] if the counts and lengths do not fit the bytes exactly.
pub fn decode(body: &Bytes) -> Result<Vec<Bytes>, FrameError> {
    let mut rest = body.clone();
    if rest.len() < HEADER_BYTES {
        return Err(FrameError::Short);
    }
    let (version, kind) = (rest.get_u8(), rest.get_u8());
    if version != BODY_VERSION {
        return Err(FrameError::Version { found: version });
    }
    if kind != BODY_COMMANDS {
        return Err(FrameError::Kind { found: kind });
    }
    let count = rest.get_u32() as usize;
    let mut commands = Vec::with_capacity(count.min(rest.len() / COMMAND_OVERHEAD_BYTES));
    for _ in 0..count {
        if rest.len() < COMMAND_OVERHEAD_BYTES {
            return Err(FrameError::Short);
        }
        let length = rest.get_u32() as usize;
        if rest.len() < length {
            return Err(FrameError::Short);
        }
        commands.push(rest.split_to(length));
    }
    if rest.is_empty() { Ok(commands) } else { Err(FrameError::Surplus) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn commands_come_back_as_they_went_in(commands in prop::collection::vec(
            prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
            let commands: Vec<Bytes> = commands.into_iter().map(Bytes::from).collect();
            prop_assert_eq!(decode(&encode(&commands)).unwrap(), commands);
        }

        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&Bytes::from(bytes));
        }

        #[test]
        fn a_body_cut_short_is_refused(cut in 1usize..20) {
            let body = encode(&[Bytes::from_static(b"opening"), Bytes::from_static(b"batter")]);
            prop_assert_eq!(decode(&body.slice(..body.len() - cut)), Err(FrameError::Short));
        }
    }
}

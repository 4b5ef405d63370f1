//! A stream of checked chunks: what is carried from one place to another, possibly a long way.
//!
//! Format, integers little-endian: `"GEARCHNK" · version u32`, then chunks of
//! `kind u8 · length u32 · bytes · check`, the last with kind 255 and no bytes. A check is the first 16 bytes
//! of a blake3 hash over the whole hash before it, kind, length and bytes; the first one follows on that of
//! the beginning. A changed, missing, doubled or moved byte therefore shows in the chunk where it happens, and
//! a stream that was cut short in its missing end. Equal contents give equal bytes and an equal digest.

use crate::hash::ContentHash;
use std::io::{self, Read, Write};

const MAGIC: &[u8; 8] = b"GEARCHNK";
const VERSION: u32 = 1;
const END: u8 = u8::MAX;
const CHECK_BYTES: usize = 16;

/// Longest chunk, in bytes: what a reader may have to hold at once.
pub const CHUNK_BYTES_MAX: usize = 4 << 20;

/// Why a stream can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    #[error("it is no stream of chunks")]
    OtherKind,
    #[error("it has format {found}, this program reads {VERSION}")]
    OtherFormat { found: u32 },
    #[error("chunk {number} is damaged")]
    Damaged { number: u64 },
    #[error("it ends in chunk {number}")]
    Short { number: u64 },
    #[error("something follows its end")]
    Surplus,
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

/// The hash over everything up to a chunk.
struct Chain([u8; 32]);

impl Chain {
    fn begin() -> Chain {
        Chain(*blake3::hash(&[MAGIC, &VERSION.to_le_bytes()[..]].concat()).as_bytes())
    }

    fn add(&mut self, kind: u8, bytes: &[u8]) -> [u8; CHECK_BYTES] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(&[kind]);
        hasher.update(&(bytes.len() as u32).to_le_bytes());
        hasher.update(bytes);
        self.0 = *hasher.finalize().as_bytes();
        *self.0.first_chunk().expect("a hash is longer than a check")
    }
}

/// Writes a stream; it counts only once it is finished.
pub struct ChunkWriter<W> {
    out: W,
    chain: Chain,
}

impl<W: Write> ChunkWriter<W> {
    pub fn new(mut out: W) -> io::Result<ChunkWriter<W>> {
        out.write_all(MAGIC)?;
        out.write_all(&VERSION.to_le_bytes())?;
        Ok(ChunkWriter { out, chain: Chain::begin() })
    }

    /// Adds a chunk; `kind` is the caller's, below 255.
    ///
    /// # Errors
    /// Those of the output, and for more than [`CHUNK_BYTES_MAX`] bytes.
    pub fn chunk(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        if kind == END || bytes.len() > CHUNK_BYTES_MAX {
            return Err(io::Error::other(format!("a chunk of kind {kind} and {} bytes", bytes.len())));
        }
        self.put(kind, bytes)
    }

    /// Ends the stream: its output and the digest of everything in it.
    pub fn finish(mut self) -> io::Result<(W, ContentHash)> {
        self.put(END, &[])?;
        self.out.flush()?;
        Ok((self.out, self.chain.0.into()))
    }

    fn put(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let check = self.chain.add(kind, bytes);
        self.out.write_all(&[kind])?;
        self.out.write_all(&(bytes.len() as u32).to_le_bytes())?;
        self.out.write_all(bytes)?;
        self.out.write_all(&check)
    }
}

/// Reads a stream, chunk by checked chunk.
pub struct ChunkReader<R> {
    input: R,
    chain: Chain,
    number: u64,
    is_over: bool,
}

impl<R: Read> ChunkReader<R> {
    pub fn new(mut input: R) -> Result<ChunkReader<R>, ChunkError> {
        let mut begin = [0; 12];
        fill(&mut input, &mut begin, 0)?;
        let (magic, version) = begin.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(ChunkError::OtherKind);
        }
        let found = u32::from_le_bytes(version.try_into().expect("four bytes are left"));
        if found != VERSION {
            return Err(ChunkError::OtherFormat { found });
        }
        Ok(ChunkReader { input, chain: Chain::begin(), number: 0, is_over: false })
    }

    /// The next chunk with its kind; `None` at the end of a whole stream.
    pub fn next_chunk(&mut self) -> Result<Option<(u8, Vec<u8>)>, ChunkError> {
        if self.is_over {
            return Ok(None);
        }
        let number = self.number + 1;
        let mut head = [0; 5];
        fill(&mut self.input, &mut head, number)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        if length > CHUNK_BYTES_MAX {
            return Err(ChunkError::Damaged { number });
        }
        let mut bytes = vec![0; length];
        fill(&mut self.input, &mut bytes, number)?;
        let mut check = [0; CHECK_BYTES];
        fill(&mut self.input, &mut check, number)?;
        if self.chain.add(kind, &bytes) != check {
            return Err(ChunkError::Damaged { number });
        }
        self.number = number;
        if kind != END {
            return Ok(Some((kind, bytes)));
        }
        self.is_over = true;
        match self.input.read(&mut [0])? {
            0 if bytes.is_empty() => Ok(None),
            _ => Err(ChunkError::Surplus),
        }
    }

    /// The digest of everything read so far; after the end, that of the whole stream.
    pub fn digest(&self) -> ContentHash {
        self.chain.0.into()
    }
}

fn fill(input: &mut impl Read, bytes: &mut [u8], number: u64) -> Result<(), ChunkError> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ChunkError::Short { number },
        _ => ChunkError::Io(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn written(chunks: &[(u8, Vec<u8>)]) -> (Vec<u8>, ContentHash) {
        let mut writer = ChunkWriter::new(Vec::new()).unwrap();
        chunks.iter().for_each(|(kind, bytes)| writer.chunk(*kind, bytes).unwrap());
        writer.finish().unwrap()
    }

    type Read = (Vec<(u8, Vec<u8>)>, ContentHash);

    fn read(bytes: &[u8]) -> Result<Read, ChunkError> {
        let mut reader = ChunkReader::new(bytes)?;
        let mut chunks = Vec::new();
        while let Some(chunk) = reader.next_chunk()? {
            chunks.push(chunk);
        }
        Ok((chunks, reader.digest()))
    }

    fn chunks() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
        vec((0..END, vec(any::<u8>(), 0..40)), 0..8)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(chunks in chunks()) {
            let (bytes, digest) = written(&chunks);
            prop_assert_eq!(read(&bytes).unwrap(), (chunks, digest));
        }

        #[test]
        fn one_changed_bit_anywhere_is_refused(chunks in chunks(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let (mut bytes, _) = written(&chunks);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn a_stream_cut_short_or_made_longer_is_refused(chunks in chunks(), at in any::<prop::sample::Index>()) {
            let (mut bytes, _) = written(&chunks);
            prop_assert!(read(&bytes[..at.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(matches!(read(&bytes), Err(ChunkError::Surplus)));
        }
    }

    #[test]
    fn chunks_that_changed_places_are_refused() {
        let (bytes, _) = written(&[(1, vec![1; 8]), (1, vec![2; 8])]);
        let (begin, rest) = bytes.split_at(12);
        let one = 5 + 8 + CHECK_BYTES;
        let moved = [begin, &rest[one..2 * one], &rest[..one], &rest[2 * one..]].concat();
        assert!(matches!(read(&moved), Err(ChunkError::Damaged { number: 1 })));
    }
}

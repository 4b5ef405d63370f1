//! The key at the root: one file, readable by its owner only, to be kept apart from the backups.

use super::{DataKey, KEY_BYTES, Random, SealError, Secret};
use crate::disk;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

const WORD: &str = "gearify-master-key";
const FORMAT: &str = "1";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{path} can be read by others (mode {mode:03o}); allow its owner only: chmod 600")]
    ReadableByOthers { path: String, mode: u32 },
    #[error("{path} is not a master key file, or is damaged")]
    Damaged { path: String },
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// The key that wraps all others.
#[derive(Clone)]
pub struct MasterKey {
    secret: Secret,
}

impl MasterKey {
    pub fn generate(random: &dyn Random) -> Result<MasterKey, SealError> {
        Ok(MasterKey { secret: Secret::generate(random)? })
    }

    /// Reads the key file.
    ///
    /// The file is one line of text: a word, the format, the key and its fingerprint, both in
    /// hexadecimal digits. The fingerprint tells a damaged file from another key.
    pub fn load(path: &Path) -> Result<MasterKey, KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.display().to_string(), source };
        let mode = fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::ReadableByOthers { path: path.display().to_string(), mode });
        }
        let text = Zeroizing::new(fs::read(path).map_err(io)?);
        parse(&text).ok_or_else(|| KeyFileError::Damaged { path: path.display().to_string() })
    }

    /// Reads the key file, or makes a new key where there is none. A new file is on disk, with mode
    /// 600, before the key is returned; of two processes that make one at once, both get the first.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<MasterKey, KeyFileError> {
        match MasterKey::load(path) {
            Err(KeyFileError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                MasterKey::generate(random)?.save_if_missing(path)?;
                MasterKey::load(path)
            }
            loaded => loaded,
        }
    }

    /// Tells keys apart without showing them: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        self.secret.fingerprint()
    }

    /// `key` sealed under this one: nonce, then cipher text. `context` says whose key it is.
    pub fn wrap(&self, key: &DataKey, context: &[u8], random: &dyn Random) -> Result<Vec<u8>, SealError> {
        self.secret.wrap(&key.secret, context, random)
    }

    /// # Errors
    /// [`SealError::Refused`] for another master key or `context`, or changed bytes.
    pub fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<DataKey, SealError> {
        Ok(DataKey { secret: self.secret.unwrap(wrapped, context)? })
    }

    /// The data key of a context, the same on every node that has this master key. It needs no storing
    /// and cannot be erased alone; what must be erasable gets a generated and wrapped key.
    pub fn derive(&self, context: &[u8]) -> DataKey {
        DataKey { secret: self.secret.derive(context) }
    }

    /// Links the finished file to its name, which fails if the name is taken: no key is ever replaced.
    fn save_if_missing(&self, path: &Path) -> Result<(), KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.display().to_string(), source };
        let temporary = disk::temporary_beside(path).map_err(io)?;
        let saved = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(&self.file_text())?;
            file.sync_all()?;
            match fs::hard_link(&temporary, path) {
                Err(failure) if failure.kind() != io::ErrorKind::AlreadyExists => Err(failure),
                _ => Ok(()),
            }
        })();
        let removed = fs::remove_file(&temporary);
        saved.and(removed).map_err(io)?;
        disk::sync_dir(disk::parent(path).map_err(io)?).map_err(io)
    }

    fn file_text(&self) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(160));
        text.extend_from_slice(format!("{WORD} {FORMAT} ").as_bytes());
        for byte in self.secret.0.iter() {
            text.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
        }
        text.extend_from_slice(format!(" {}\n", self.fingerprint()).as_bytes());
        text
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

fn parse(text: &[u8]) -> Option<MasterKey> {
    let words: Vec<&[u8]> = text.strip_suffix(b"\n")?.split(|byte| *byte == b' ').collect();
    let [word, format, digits, fingerprint] = words[..] else { return None };
    if word != WORD.as_bytes() || format != FORMAT.as_bytes() || digits.len() != 2 * KEY_BYTES {
        return None;
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    let key = MasterKey { secret: Secret(bytes) };
    (key.fingerprint().as_bytes() == fingerprint).then_some(key)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

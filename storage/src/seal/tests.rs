//! Sealing: what opens and what does not, and key files.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU8, Ordering};

const NONCE: [u8; NONCE_BYTES] = [9; NONCE_BYTES];

fn key() -> DataKey {
    DataKey::generate(&SystemRandom).unwrap()
}

fn master() -> MasterKey {
    MasterKey::generate(&SystemRandom).unwrap()
}

/// Counts, so that a test knows every byte.
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), SealError> {
        bytes.iter_mut().for_each(|byte| *byte = self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

struct Exhausted;

impl Random for Exhausted {
    fn fill(&self, _: &mut [u8]) -> Result<(), SealError> {
        Err(SealError::NoRandomness)
    }
}

proptest! {
    #[test]
    fn what_was_sealed_opens_with_the_same_key_nonce_and_context(
        nonce: [u8; NONCE_BYTES], aad: Vec<u8>, plain: Vec<u8>,
    ) {
        let key = key();
        let sealed = key.seal(nonce, &aad, &plain);
        prop_assert_eq!(sealed.len(), plain.len() + SEAL_OVERHEAD_BYTES);
        prop_assert_eq!(key.open(nonce, &aad, &sealed), Ok(plain));
    }

    #[test]
    fn a_single_flipped_bit_is_refused(plain in proptest::collection::vec(any::<u8>(), 0..60), at: prop::sample::Index) {
        let key = key();
        let mut sealed = key.seal(NONCE, b"", &plain);
        let bit = at.index(sealed.len() * 8);
        sealed[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(key.open(NONCE, b"", &sealed), Err(SealError::Refused));
    }
}

#[test]
fn another_key_nonce_or_context_is_refused() {
    let right = key();
    let sealed = right.seal(NONCE, b"customer 7", b"12 Willow Lane");
    assert!(!sealed.windows(6).any(|window| window == b"Willow"));
    let refused = Err(SealError::Refused);
    assert_eq!(key().open(NONCE, b"customer 7", &sealed), refused);
    assert_eq!(right.open([8; NONCE_BYTES], b"customer 7", &sealed), refused);
    assert_eq!(right.open(NONCE, b"customer 8", &sealed), refused);
    assert_eq!(right.open(NONCE, b"customer 7", &sealed[1..]), refused);
    assert_eq!(right.open(NONCE, b"customer 7", &[]), refused);
}

#[test]
fn a_wrapped_key_comes_back_only_with_its_wrapper_and_context() {
    let (root, tenant, person) = (master(), key(), key());
    let wrapped_tenant = root.wrap(&tenant, b"tenant 1", &SystemRandom).unwrap();
    let wrapped_person = tenant.wrap(&person, b"person 1", &SystemRandom).unwrap();
    let sealed = person.seal(NONCE, b"", b"hello");
    let opened = root
        .unwrap(&wrapped_tenant, b"tenant 1")
        .and_then(|tenant| tenant.unwrap(&wrapped_person, b"person 1"))
        .and_then(|person| person.open(NONCE, b"", &sealed));
    assert_eq!(opened, Ok(b"hello".to_vec()));
    let refused = |result: Result<DataKey, SealError>| assert_eq!(result.unwrap_err(), SealError::Refused);
    refused(root.unwrap(&wrapped_tenant, b"tenant 2"));
    refused(master().unwrap(&wrapped_tenant, b"tenant 1"));
    refused(tenant.unwrap(&wrapped_tenant, b"tenant 1"));
    refused(root.unwrap(&wrapped_tenant[..11], b"tenant 1"));
    for at in 0..wrapped_person.len() {
        let mut changed = wrapped_person.clone();
        changed[at] ^= 0x10;
        refused(tenant.unwrap(&changed, b"person 1"));
    }
    // Wrapping and sealing are different uses of a key: one never reads the other.
    let (nonce, cipher) = wrapped_person.split_first_chunk::<NONCE_BYTES>().unwrap();
    assert_eq!(tenant.open(*nonce, b"person 1", cipher), Err(SealError::Refused));
}

#[test]
fn a_keyed_hash_depends_on_key_purpose_and_bytes() {
    let (one, other) = (key(), key());
    let hash = one.keyed_hash("email", b"ada@shop.example");
    assert_eq!(hash, one.keyed_hash("email", b"ada@shop.example"));
    assert_ne!(hash, other.keyed_hash("email", b"ada@shop.example"));
    assert_ne!(hash, one.keyed_hash("phone", b"ada@shop.example"));
    assert_ne!(hash, one.keyed_hash("email", b"bob@shop.example"));
    assert_ne!(one.keyed_hash("ab", b"c"), one.keyed_hash("a", b"bc"));
}

/// The expected values were computed by another implementation of HMAC and AES-GCM.
#[test]
fn stored_bytes_stay_readable_by_later_versions() {
    let random = Counting(AtomicU8::new(0));
    let key = DataKey::generate(&random).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&key.seal(NONCE, b"aad", b"plain")), "fc4e03365cbb6c8b914cac1997b79c754916fd4d75");
    assert_eq!(hex(&key.keyed_hash("email", b"a@b.example")), "b7db112d48119d1cc3bd4f86f6fcc23c");
    let root = MasterKey::generate(&random).unwrap();
    assert_eq!(
        hex(&root.wrap(&key, b"context", &random).unwrap()),
        "404142434445464748494a4b4eaf7553896b0933272563758b260a8aedf92470ca625c5ea59796e3bacc20f7b80b8acd6d52eb5d3ebeb8eb8afcfef2"
    );
    assert_eq!(hex(&root.derive(b"context").keyed_hash("", b"")), "7d210ffd4dfa209edd66515281b533b7");
    assert_eq!(root.fingerprint(), "8bce34ee8ffe8775");
}

#[test]
fn derived_keys_are_the_same_every_time_and_differ_by_context() {
    let root = master();
    let hash = |context: &[u8]| root.derive(context).keyed_hash("", b"");
    assert_eq!(hash(b"a"), hash(b"a"));
    assert_ne!(hash(b"a"), hash(b"b"));
    assert_ne!(hash(b"a"), master().derive(b"a").keyed_hash("", b""));
}

#[test]
fn nothing_of_a_key_is_printed() {
    let random = Counting(AtomicU8::new(0));
    assert_eq!(format!("{:?}", DataKey::generate(&random).unwrap()), "DataKey");
    assert_eq!(format!("{:?}", MasterKey::generate(&random).unwrap()), "MasterKey");
}

#[test]
fn without_randomness_there_is_no_key() {
    assert_eq!(DataKey::generate(&Exhausted).unwrap_err(), SealError::NoRandomness);
    assert_eq!(master().wrap(&key(), b"", &Exhausted).unwrap_err(), SealError::NoRandomness);
    let dir = tempfile::tempdir().unwrap();
    assert!(MasterKey::load_or_create(&dir.path().join("key"), &Exhausted).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_key_file_is_made_once_and_for_its_owner_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let missing = MasterKey::load(&path).unwrap_err();
    assert!(
        matches!(missing, KeyFileError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    );
    let made = MasterKey::load_or_create(&path, &SystemRandom).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(made.fingerprint().len(), 16);
    let again = MasterKey::load_or_create(&path, &Exhausted).unwrap();
    assert_eq!(again.fingerprint(), made.fingerprint());
    let wrapped = made.wrap(&key(), b"", &SystemRandom).unwrap();
    assert!(again.unwrap(&wrapped, b"").is_ok());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = MasterKey::load_or_create(&path, &SystemRandom).unwrap_err();
    assert!(matches!(exposed, KeyFileError::ReadableByOthers { mode: 0o640, .. }));
}

#[test]
fn many_starters_agree_on_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let start = || MasterKey::load_or_create(&path, &SystemRandom).unwrap().fingerprint();
    let found: Vec<String> = std::thread::scope(|threads| {
        let starters: Vec<_> = (0..8).map(|_| threads.spawn(start)).collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    assert!(found.iter().all(|fingerprint| *fingerprint == found[0]));
}

#[test]
fn a_damaged_key_file_is_refused_and_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    MasterKey::load_or_create(&path, &SystemRandom).unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
        fs::write(&path, &changed).unwrap();
        let failure = MasterKey::load_or_create(&path, &SystemRandom).unwrap_err();
        assert!(matches!(failure, KeyFileError::Damaged { .. }));
        assert_eq!(fs::read(&path).unwrap(), changed);
    }
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(matches!(MasterKey::load(&path), Err(KeyFileError::Damaged { .. })));
    }
}

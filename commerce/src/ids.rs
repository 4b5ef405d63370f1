//! Typed ids: 128 bits, sortable by time, written as TypeIDs (`order_01jd…`).
//!
//! The bits are those of a UUIDv7. Text is the prefix, `_`, and 26 characters of Crockford's base 32
//! in lower case. One Rust type per kind, so that swapping two does not compile. Source: TypeID
//! specification 0.3.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TEXT_LEN: usize = 26;

/// Why text is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("expected an id that starts with {expected}_")]
    Prefix { expected: &'static str },
    #[error("an id has 26 characters of 0-9 and a-z (without i, l, o, u) after its prefix")]
    Suffix,
}

/// 128 bits as 26 characters, without an allocation: ids are written into every answer and read from every path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digits([u8; TEXT_LEN]);

impl Digits {
    pub fn of(value: u128) -> Digits {
        let mut digits = [0; TEXT_LEN];
        for (position, digit) in digits.iter_mut().rev().enumerate() {
            *digit = ALPHABET[(value >> (5 * position)) as usize & 31];
        }
        Digits(digits)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

/// Writes 128 bits as 26 characters.
pub fn encode_base32(value: u128) -> String {
    Digits::of(value).as_str().to_owned()
}

/// The value of each character of the alphabet; [`NO_DIGIT`] for all others.
const VALUES: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};
const NO_DIGIT: u8 = u8::MAX;

/// Reads what [`encode_base32`] writes; nothing else.
pub fn decode_base32(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    // The first character carries three bits only.
    if bytes.len() != TEXT_LEN || bytes[0] > b'7' {
        return None;
    }
    bytes.iter().try_fold(0u128, |value, byte| {
        let digit = VALUES[usize::from(*byte)];
        (digit != NO_DIGIT).then_some(value << 5 | u128::from(digit))
    })
}

/// Makes the bits of a UUIDv7 from a time and 74 random bits.
pub fn uuid_v7(at: Timestamp, random: u128) -> u128 {
    let millis = (at.as_millis().max(0) as u128) & 0xffff_ffff_ffff;
    let high_random = (random >> 64) & 0xfff;
    let low_random = random & 0x3fff_ffff_ffff_ffff;
    millis << 80 | 0x7 << 76 | high_random << 64 | 0b10 << 62 | low_random
}

/// Declares id types with their TypeID prefixes.
macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u128);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub const fn from_bits(bits: u128) -> $name {
                $name(bits)
            }

            pub const fn bits(self) -> u128 {
                self.0
            }

            pub fn parse(text: &str) -> Result<$name, IdError> {
                let rest = text.strip_prefix(concat!($prefix, "_")).ok_or(IdError::Prefix { expected: $prefix })?;
                decode_base32(rest).map($name).ok_or(IdError::Suffix)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(Digits::of(self.0).as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<$name, IdError> {
                $name::parse(text)
            }
        }

        impl crate::scope::Key for $name {
            fn push(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
        }
    )+};
}

typed_ids! {
    /// A shop's owner on the platform.
    TenantId = "tenant",
    ProductId = "product",
    VariantId = "variant",
    CategoryId = "category",
    AddOnId = "addon",
    MediaId = "media",
    /// What is counted in a warehouse; a variant points to one or more.
    StockItemId = "stock",
    WarehouseId = "warehouse",
    CartId = "cart",
    /// A cart's or an order's line.
    LineId = "line",
    OrderId = "order",
    PaymentId = "payment",
    /// One call to a provider; its text is the idempotency key sent there.
    AttemptId = "attempt",
    RefundId = "refund",
    ShipmentId = "shipment",
    CustomerId = "customer",
    AddressId = "address",
    /// Owner of a sealing key: a customer or a guest.
    PersonId = "person",
    StaffId = "staff",
    SessionId = "session",
    ZoneId = "zone",
    RateId = "rate",
    MailId = "mail",
    NoteId = "note",
    MovementId = "movement",
    ApiKeyId = "key",
    /// A list as somebody wants to find it again.
    ViewId = "view",
}

impl TenantId {
    /// Owner of rows that belong to the whole group.
    pub const PLATFORM: TenantId = TenantId(0);
}

/// Mints the ids of one command from the randomness that came with it.
#[derive(Clone, Debug)]
pub struct IdSource {
    at: Timestamp,
    seed: u128,
    minted: u32,
}

impl IdSource {
    pub fn new(at: Timestamp, seed: u128) -> IdSource {
        IdSource { at, seed, minted: 0 }
    }

    /// The next id's bits: the same on every node, in the same order.
    pub fn mint(&mut self) -> u128 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_be_bytes());
        hasher.update(&self.minted.to_be_bytes());
        self.minted += 1;
        let mut random = [0; 16];
        random.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        uuid_v7(self.at, u128::from_be_bytes(random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text() {
        for bits in [0, 1, 31, 32, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = OrderId::from_bits(bits);
            assert_eq!(OrderId::parse(&id.to_string()), Ok(id));
        }
    }

    #[test]
    fn text_of_another_kind_or_shape_is_refused() {
        let order = OrderId::from_bits(7).to_string();
        assert_eq!(CartId::parse(&order), Err(IdError::Prefix { expected: "cart" }));
        let check = |text: &str| OrderId::parse(text);
        assert_eq!(check("order_"), Err(IdError::Suffix));
        assert_eq!(check("order_80000000000000000000000000"), Err(IdError::Suffix), "more than 128 bits");
        assert_eq!(check(&order.to_uppercase()), Err(IdError::Prefix { expected: "order" }));
        assert_eq!(check(&order.replace("0000", "000l")), Err(IdError::Suffix), "l is not in the alphabet");
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let early = uuid_v7(Timestamp::from_millis(1_000), u128::MAX);
        let late = uuid_v7(Timestamp::from_millis(1_001), 0);
        assert!(early < late);
    }
}

//! Money: an integer count of minor units with its currency.
//!
//! No floats, no conversion, no silent rounding. Amounts are signed: refunds and discounts may be
//! negative. Source of exponents: ISO 4217.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An ISO 4217 code, three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why an amount could not be computed or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum MoneyError {
    #[error("{0} and {1} can't be mixed")]
    Mixed(Currency, Currency),
    #[error("the amount is too large")]
    Overflow,
    #[error("{0:?} is not a currency code")]
    UnknownCurrency(String),
    #[error("weights are empty, negative or all zero")]
    NoWeight,
}

/// Codes whose minor unit is not a hundredth, with their exponents. Everything else has two digits.
const EXPONENTS: [(&[u8; 3], u32); 24] = [
    (b"BIF", 0),
    (b"CLP", 0),
    (b"DJF", 0),
    (b"GNF", 0),
    (b"ISK", 0),
    (b"JPY", 0),
    (b"KMF", 0),
    (b"KRW", 0),
    (b"PYG", 0),
    (b"RWF", 0),
    (b"UGX", 0),
    (b"UYI", 0),
    (b"VND", 0),
    (b"VUV", 0),
    (b"XAF", 0),
    (b"XOF", 0),
    (b"XPF", 0),
    (b"BHD", 3),
    (b"IQD", 3),
    (b"JOD", 3),
    (b"KWD", 3),
    (b"LYD", 3),
    (b"OMR", 3),
    (b"TND", 3),
];

impl Currency {
    pub const GBP: Currency = Currency(*b"GBP");
    pub const AUD: Currency = Currency(*b"AUD");
    pub const INR: Currency = Currency(*b"INR");
    pub const EUR: Currency = Currency(*b"EUR");
    pub const USD: Currency = Currency(*b"USD");
    pub const JPY: Currency = Currency(*b"JPY");
    pub const KWD: Currency = Currency(*b"KWD");

    pub fn parse(text: &str) -> Result<Currency, MoneyError> {
        match text.as_bytes() {
            [a, b, c] if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) => {
                Ok(Currency([*a, *b, *c]))
            }
            _ => Err(MoneyError::UnknownCurrency(text.chars().take(16).collect())),
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a code is made of ASCII letters")
    }

    /// Digits after the decimal point: 2 for GBP, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        EXPONENTS.iter().find(|(code, _)| **code == self.0).map_or(2, |(_, exponent)| *exponent)
    }
}

impl TryFrom<String> for Currency {
    type Error = MoneyError;
    fn try_from(text: String) -> Result<Currency, MoneyError> {
        Currency::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl crate::scope::Key for Currency {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

/// An amount in minor units (pence for GBP, whole yen for JPY). Signed: refunds are negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    pub const fn new(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    pub const fn zero(currency: Currency) -> Money {
        Money { minor: 0, currency }
    }

    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// Mixing currencies or overflowing is an error, never a guess.
    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.require_same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Money { minor, ..self })
    }

    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.require_same_currency(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Money { minor, ..self })
    }

    pub fn checked_mul(self, times: i64) -> Result<Money, MoneyError> {
        let minor = self.minor.checked_mul(times).ok_or(MoneyError::Overflow)?;
        Ok(Money { minor, ..self })
    }

    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Money>) -> Result<Money, MoneyError> {
        amounts.into_iter().try_fold(Money::zero(currency), Money::checked_add)
    }

    fn require_same_currency(self, other: Money) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::Mixed(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10u64.pow(exponent);
        let sign = if self.minor < 0 { "-" } else { "" };
        let minor = self.minor.unsigned_abs();
        match exponent {
            0 => write!(f, "{sign}{minor} {}", self.currency),
            _ => {
                let (whole, rest) = (minor / unit, minor % unit);
                write!(f, "{sign}{whole}.{rest:0width$} {}", self.currency, width = exponent as usize)
            }
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Splits `total` in proportion to `weights`.
///
/// One part per weight, in the same order, in minor units; the parts sum to `total` exactly; left-over
/// units go to the largest remainders, the earlier part first among equals.
///
/// # Errors
/// [`MoneyError::NoWeight`] if `weights` is empty, holds a negative, or is all zero.
/// Source: largest-remainder method.
///
/// ```
/// use gearify_commerce::money::split;
/// assert_eq!(split(100, &[1, 1, 1]), Ok(vec![34, 33, 33]));
/// assert_eq!(split(-100, &[1, 1, 1]), Ok(vec![-34, -33, -33]));
/// ```
pub fn split(total: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    let sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
    if sum <= 0 || weights.iter().any(|&weight| weight < 0) {
        return Err(MoneyError::NoWeight);
    }
    let magnitude = i128::from(total).abs();
    let shares: Vec<(i128, i128)> = weights
        .iter()
        .map(|&weight| magnitude * i128::from(weight))
        .map(|scaled| (scaled / sum, scaled % sum))
        .collect();
    let mut left = magnitude - shares.iter().map(|(whole, _)| whole).sum::<i128>();
    let mut order: Vec<usize> = (0..shares.len()).collect();
    order.sort_by_key(|&part| std::cmp::Reverse(shares[part].1));
    let mut parts: Vec<i128> = shares.iter().map(|(whole, _)| *whole).collect();
    for part in order {
        if left == 0 {
            break;
        }
        parts[part] += 1;
        left -= 1;
    }
    let sign = if total < 0 { -1 } else { 1 };
    Ok(parts.into_iter().map(|part| (part * sign) as i64).collect())
}

/// `amount × ppm / 1,000,000`, rounded half up (away from zero). Rates are parts per million.
pub fn share_ppm(amount: i64, ppm: i64) -> Result<i64, MoneyError> {
    divide_half_up(i128::from(amount) * i128::from(ppm), 1_000_000)
}

/// The part of a gross amount that is tax at `ppm`: `gross × ppm / (1,000,000 + ppm)`, half up.
pub fn included_ppm(gross: i64, ppm: i64) -> Result<i64, MoneyError> {
    divide_half_up(i128::from(gross) * i128::from(ppm), 1_000_000 + i128::from(ppm))
}

fn divide_half_up(numerator: i128, denominator: i128) -> Result<i64, MoneyError> {
    let magnitude = (numerator.abs() * 2 + denominator) / (denominator * 2);
    i64::try_from(magnitude * numerator.signum()).map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        let check = |minor, currency, text: &str| assert_eq!(Money::new(minor, currency).to_string(), text);
        check(24_900, Currency::GBP, "249.00 GBP");
        check(-5, Currency::GBP, "-0.05 GBP");
        check(24_900, Currency::JPY, "24900 JPY");
        check(1_234_567, Currency::KWD, "1234.567 KWD");
    }

    #[test]
    fn half_a_unit_rounds_away_from_zero() {
        let check = |amount, ppm, tax| assert_eq!(share_ppm(amount, ppm), Ok(tax), "{amount} at {ppm}");
        check(250, 200_000, 50);
        check(5, 100_000, 1);
        check(-5, 100_000, -1);
        check(4, 100_000, 0);
        assert_eq!(included_ppm(12_000, 200_000), Ok(2_000));
        assert_eq!(share_ppm(i64::MAX, 2_000_000), Err(MoneyError::Overflow));
    }

    #[test]
    fn currencies_never_mix() {
        let pounds = Money::new(1, Currency::GBP);
        assert_eq!(
            pounds.checked_add(Money::new(1, Currency::INR)),
            Err(MoneyError::Mixed(Currency::GBP, Currency::INR))
        );
        assert_eq!(Money::new(i64::MAX, Currency::GBP).checked_add(pounds), Err(MoneyError::Overflow));
        assert!(Currency::parse("gbp").is_err() && Currency::parse("GB").is_err());
    }

    proptest! {
        #[test]
        fn a_split_never_loses_a_unit(total in any::<i64>(), weights in proptest::collection::vec(0..1_000_000i64, 1..20)) {
            prop_assume!(weights.iter().sum::<i64>() > 0);
            let parts = split(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().map(|&p| i128::from(p)).sum::<i128>(), i128::from(total));
            prop_assert_eq!(parts.len(), weights.len());
            for (part, weight) in parts.iter().zip(&weights) {
                prop_assert!(*weight > 0 || *part == 0, "a zero weight gets nothing");
            }
        }
    }
}

//! Prices and sums in words a shopper of that country is used to.
//!
//! Amounts stay integers of minor units up to the last moment; the number of decimals follows
//! ISO 4217. A *price* on a shelf in rupees drops `.00`, as shops in India write it; a *sum* in a
//! column of sums keeps it, so that the column lines up.

use super::Locale;

/// An ISO 4217 code: three capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CurrencyCode([u8; 3]);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{code:?} is not a currency code of three letters")]
pub struct UnknownCurrency {
    pub code: String,
}

impl CurrencyCode {
    pub const GBP: CurrencyCode = CurrencyCode(*b"GBP");
    pub const AUD: CurrencyCode = CurrencyCode(*b"AUD");
    pub const INR: CurrencyCode = CurrencyCode(*b"INR");

    pub fn parse(code: &str) -> Result<CurrencyCode, UnknownCurrency> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(CurrencyCode(letters)),
            _ => Err(UnknownCurrency { code: code.to_owned() }),
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency code is ASCII by construction")
    }

    /// Decimals of the minor unit.
    pub fn exponent(self) -> u32 {
        let known = gearify_commerce::Currency::parse(self.as_str());
        known.expect("both are three capital letters").exponent()
    }

    /// The sign to write before the digits. Dollars of another country than the reader's are told apart.
    pub fn symbol(self, locale: Locale) -> String {
        let home = |country: &str| locale.country() == country;
        let sign = match &self.0 {
            b"GBP" => "£",
            b"EUR" => "€",
            b"INR" => "₹",
            b"JPY" => "¥",
            b"BDT" => "৳",
            b"AUD" if home("AU") => "$",
            b"AUD" => "A$",
            b"NZD" if home("NZ") => "$",
            b"NZD" => "NZ$",
            b"CAD" if home("CA") => "$",
            b"CAD" => "CA$",
            b"USD" if home("US") => "$",
            b"USD" => "US$",
            b"ZAR" if home("ZA") => "R",
            b"PKR" if home("PK") => "Rs\u{a0}",
            b"LKR" if home("LK") => "Rs\u{a0}",
            _ => return format!("{}\u{a0}", self.as_str()),
        };
        sign.to_owned()
    }
}

/// An amount as a page receives it: minor units (pence, paise) and the currency. Negative for refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    pub minor: i64,
    pub currency: CurrencyCode,
}

impl Amount {
    pub fn new(minor: i64, currency: CurrencyCode) -> Amount {
        Amount { minor, currency }
    }

    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// What is taken away, as it stands in a sum.
    pub fn negated(self) -> Amount {
        Amount { minor: self.minor.saturating_neg(), ..self }
    }

    /// The plain decimal for machines (JSON-LD, `data-` attributes): `1234.50`.
    pub fn decimal(self) -> String {
        let (sign, whole, fraction) = self.parts();
        let sign = if sign { "-" } else { "" };
        format!("{sign}{whole}{fraction}")
    }

    /// Sign, whole digits and the fraction with its point (empty without decimals).
    fn parts(self) -> (bool, String, String) {
        let exponent = self.currency.exponent();
        let scale = 10_u64.pow(exponent);
        let minor = self.minor.unsigned_abs();
        let fraction = match exponent {
            0 => String::new(),
            digits => format!(".{:0width$}", minor % scale, width = digits as usize),
        };
        (self.minor < 0, (minor / scale).to_string(), fraction)
    }
}

impl Locale {
    /// A price on a shelf: `£1,234.50`, `₹1,23,456`.
    pub fn price(self, amount: Amount) -> String {
        let whole_rupees = amount.currency == CurrencyCode::INR && amount.minor % 100 == 0;
        self.write_amount(amount, !whole_rupees)
    }

    /// A sum in a column of sums, always with its decimals: `₹1,23,456.00`.
    pub fn sum(self, amount: Amount) -> String {
        self.write_amount(amount, true)
    }

    fn write_amount(self, amount: Amount, decimals: bool) -> String {
        let (negative, whole, fraction) = amount.parts();
        let mut text = String::new();
        if negative {
            text.push('\u{2212}');
        }
        text.push_str(&amount.currency.symbol(self));
        text.push_str(&self.group_digits(&whole));
        if decimals {
            text.push_str(&fraction);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_shops_of_the_country_write_them() {
        let currency = |code| CurrencyCode::parse(code).unwrap();
        let cases = [
            (Locale::EN_GB, 123_450, "GBP", "£1,234.50", "£1,234.50"),
            (Locale::EN_GB, 4_500, "GBP", "£45.00", "£45.00"),
            (Locale::EN_GB, 5, "GBP", "£0.05", "£0.05"),
            (Locale::EN_GB, -500, "GBP", "\u{2212}£5.00", "\u{2212}£5.00"),
            (Locale::EN_AU, 123_450, "AUD", "$1,234.50", "$1,234.50"),
            (Locale::EN_GB, 123_450, "AUD", "A$1,234.50", "A$1,234.50"),
            (Locale::EN_AU, 100, "USD", "US$1.00", "US$1.00"),
            (Locale::EN_IN, 12_345_600, "INR", "₹1,23,456", "₹1,23,456.00"),
            (Locale::EN_IN, 12_345_650, "INR", "₹1,23,456.50", "₹1,23,456.50"),
            (Locale::HI_IN, 1_000_000_000, "INR", "₹1,00,00,000", "₹1,00,00,000.00"),
            (Locale::EN_GB, 1_500, "JPY", "¥1,500", "¥1,500"),
            (Locale::EN_GB, 1_234_567, "KWD", "KWD\u{a0}1,234.567", "KWD\u{a0}1,234.567"),
            (Locale::EN_GB, 0, "GBP", "£0.00", "£0.00"),
            (
                Locale::EN_GB,
                i64::MIN,
                "GBP",
                "\u{2212}£92,233,720,368,547,758.08",
                "\u{2212}£92,233,720,368,547,758.08",
            ),
        ];
        for (locale, minor, code, price, sum) in cases {
            let amount = Amount::new(minor, currency(code));
            assert_eq!(locale.price(amount), price, "{} {minor} {code}", locale.tag());
            assert_eq!(locale.sum(amount), sum, "{} {minor} {code}", locale.tag());
        }
    }

    #[test]
    fn machines_get_plain_decimals() {
        assert_eq!(Amount::new(123_450, CurrencyCode::GBP).decimal(), "1234.50");
        assert_eq!(Amount::new(-5, CurrencyCode::INR).decimal(), "-0.05");
        for (code, decimal) in [("JPY", "1500"), ("UYI", "1500"), ("LYD", "1.500")] {
            assert_eq!(Amount::new(1_500, CurrencyCode::parse(code).unwrap()).decimal(), decimal, "{code}");
        }
    }

    #[test]
    fn a_currency_is_three_capitals() {
        for code in ["gbp", "GB", "GBPX", "", "G₹"] {
            assert!(CurrencyCode::parse(code).is_err(), "{code}");
        }
    }
}

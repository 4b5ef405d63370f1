//! Whole numbers and weights as a country writes them.

use super::Locale;

impl Locale {
    /// `1,234,567`, or `12,34,567` where lakhs are counted.
    pub fn integer(self, value: i64) -> String {
        let mut text = String::new();
        if value < 0 {
            text.push('\u{2212}');
        }
        text.push_str(&self.group_digits(&value.unsigned_abs().to_string()));
        text
    }

    /// Groups a string of ASCII digits.
    pub(super) fn group_digits(self, digits: &str) -> String {
        let higher_group = if self.groups_in_lakhs() { 2 } else { 3 };
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 2);
        for (index, digit) in digits.chars().enumerate() {
            let remaining = digits.len() - index;
            let starts_group =
                remaining == 3 || (remaining > 3 && (remaining - 3).is_multiple_of(higher_group));
            if index > 0 && starts_group {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }
}

/// Grams to whole ounces, nearest; 28.349523125 g to the ounce by definition.
pub fn ounces_from_grams(grams: u32) -> u32 {
    let nanograms_per_ounce: u64 = 28_349_523_125;
    let nanograms = u64::from(grams) * 1_000_000_000;
    let ounces = (nanograms + nanograms_per_ounce / 2) / nanograms_per_ounce;
    u32::try_from(ounces).expect("fewer ounces than grams")
}

/// The way a bat's weight is spoken of: `2 lb 8 oz`.
pub fn pounds_and_ounces(grams: u32) -> String {
    let ounces = ounces_from_grams(grams);
    format!("{}\u{a0}lb\u{a0}{}\u{a0}oz", ounces / 16, ounces % 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_group_by_country() {
        let cases = [
            (Locale::EN_GB, 0, "0"),
            (Locale::EN_GB, 999, "999"),
            (Locale::EN_GB, 1_000, "1,000"),
            (Locale::EN_GB, 1_234_567, "1,234,567"),
            (Locale::EN_GB, -1_234, "\u{2212}1,234"),
            (Locale::EN_IN, 1_000, "1,000"),
            (Locale::EN_IN, 123_456, "1,23,456"),
            (Locale::HI_IN, 12_345_678, "1,23,45,678"),
            (Locale::EN_AU, i64::MIN, "\u{2212}9,223,372,036,854,775,808"),
        ];
        for (locale, value, expected) in cases {
            assert_eq!(locale.integer(value), expected, "{} {value}", locale.tag());
        }
    }

    #[test]
    fn grams_become_the_nearest_ounce() {
        for (grams, expected) in [(0, 0), (14, 0), (15, 1), (1134, 40), (1162, 41), (1191, 42), (1219, 43)] {
            assert_eq!(ounces_from_grams(grams), expected, "{grams} g");
        }
        assert_eq!(pounds_and_ounces(1134), "2\u{a0}lb\u{a0}8\u{a0}oz");
        assert_eq!(pounds_and_ounces(1219), "2\u{a0}lb\u{a0}11\u{a0}oz");
    }
}

//! Stretches of time as people write them: `7 d`, `30 min`.

const UNITS: [(&str, i64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// In the largest unit that says it exactly.
pub fn span_text(millis: i64) -> String {
    let fits = UNITS.iter().find(|(_, unit)| millis % unit == 0 && millis >= *unit);
    fits.map_or_else(|| format!("{millis} ms"), |(name, unit)| format!("{} {name}", millis / unit))
}

/// # Errors
/// Words on how to write it.
pub fn parse_span(text: &str) -> Result<i64, String> {
    let help = || "Write a number with d, h, min or s, such as 30 min".to_owned();
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(help)?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.parse().map_err(|_| help())?;
    let unit = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(help)?;
    number.checked_mul(unit.1).ok_or_else(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_as_people_write_them() {
        assert_eq!(span_text(7 * 86_400_000), "7 d");
        assert_eq!(span_text(30 * 60_000), "30 min");
        assert_eq!(parse_span("5min"), Ok(300_000));
        for bad in ["", "5", "d", "-5 d", "5 weeks", "1.5 h", "99999999999999 d"] {
            assert!(parse_span(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_span_survives_its_text(millis in 1i64..40_000_000_000) {
            prop_assert_eq!(parse_span(&span_text(millis)), Ok(millis));
        }
    }
}

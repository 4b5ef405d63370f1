//! What delivery costs, as people write it: bands one a line, `2000 = 4.95`, the last one `more = 9.95`.

use crate::console::words::{parse_money, typed_money};
use gearify_commerce::Currency;
use gearify_commerce::shipping::{WeightBand, WorthBand};

/// `2000 = 4.95`: up to 2,000 grams; `more = 9.95`: however heavy.
///
/// # Errors
/// Which line can't be read, and how to write one.
pub fn parse_weight_bands(text: &str, currency: Currency) -> Result<Vec<WeightBand>, String> {
    let band = |line: &str| {
        let (grams, price) = line.split_once('=')?;
        let grams_max = match grams.trim() {
            "more" => None,
            grams => Some(grams.replace(',', "").parse().ok()?),
        };
        Some(WeightBand { grams_max, price: parse_money(price, currency).ok()? })
    };
    let help = "Write one a line: 2000 = 4.95 up to that many grams, more = 9.95 for the rest";
    lines(text).map(|line| band(line).ok_or_else(|| wrong(line, help))).collect()
}

/// `0 = 4.95`, `50 = 0`: from goods worth that much.
///
/// # Errors
/// Which line can't be read, and how to write one.
pub fn parse_worth_bands(text: &str, currency: Currency) -> Result<Vec<WorthBand>, String> {
    let band = |line: &str| {
        let (worth, price) = line.split_once('=')?;
        let worth_min = parse_money(worth, currency).ok()?;
        Some(WorthBand { worth_min, price: parse_money(price, currency).ok()? })
    };
    let help = "Write one a line: 0 = 4.95, then 50 = 0 for goods worth 50 and more";
    lines(text).map(|line| band(line).ok_or_else(|| wrong(line, help))).collect()
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn wrong(line: &str, help: &str) -> String {
    format!("“{}” can't be read. {help}", line.chars().take(40).collect::<String>())
}

pub fn weight_lines(bands: &[WeightBand], currency: Currency) -> String {
    let line = |band: &WeightBand| {
        let grams = band.grams_max.map_or("more".to_owned(), |grams| grams.to_string());
        format!("{grams} = {}", typed_money(band.price, currency))
    };
    bands.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub fn worth_lines(bands: &[WorthBand], currency: Currency) -> String {
    let line = |band: &WorthBand| {
        format!("{} = {}", typed_money(band.worth_min, currency), typed_money(band.price, currency))
    };
    bands.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_that_is_no_band_is_named() {
        for bad in ["2 kg = 5", "2000", "= 5", "2000 = cheap"] {
            assert!(parse_weight_bands(bad, Currency::GBP).unwrap_err().contains(bad), "{bad}");
        }
        assert!(parse_worth_bands("more = 5", Currency::GBP).is_err());
    }

    proptest! {
        #[test]
        fn bands_survive_their_lines(bands in proptest::collection::vec((0u32..100_000, 0i64..100_000), 0..6)) {
            let weights: Vec<WeightBand> = bands
                .iter()
                .map(|(grams, price)| WeightBand { grams_max: (*grams > 0).then_some(*grams), price: *price })
                .collect();
            let text = weight_lines(&weights, Currency::GBP);
            prop_assert_eq!(parse_weight_bands(&text, Currency::GBP), Ok(weights));
            let worths: Vec<WorthBand> = bands
                .iter()
                .map(|(worth, price)| WorthBand { worth_min: i64::from(*worth), price: *price })
                .collect();
            let text = worth_lines(&worths, Currency::JPY);
            prop_assert_eq!(parse_worth_bands(&text, Currency::JPY), Ok(worths));
        }
    }
}

//! From records to what pages are made of: amounts, days, pictures, words for codes.

use super::view::parts::{Availability as Shown, Picture};
use crate::l10n::{Amount, CurrencyCode, Day, Moment, Text};
use crate::ports_search::Availability;
use crate::read::MoneyView;
use crate::read::values::{IMAGE_WIDTHS, media_url};
use gearify_commerce::catalog::{self, Media, MediaKind, Policy, Product, Variant};
use gearify_commerce::scope::View;
use gearify_commerce::tenants::{PageKind, Settings};
use gearify_commerce::{Currency, Locale, Timestamp};
use jiff::ToSpan;
use jiff::tz::TimeZone;

pub fn amount(minor: i64, currency: Currency) -> Amount {
    let code = CurrencyCode::parse(currency.as_str()).expect("both hold three capital letters");
    Amount::new(minor, code)
}

/// An amount as the API's views carry it.
pub fn viewed_amount(money: &MoneyView, currency: Currency) -> Amount {
    amount(money.amount, currency)
}

/// A point in time on the shop's clock.
pub fn moment(at: Timestamp, settings: &Settings) -> Moment {
    // A zone this build does not know is a setting to be put right; times are still told.
    let zone = TimeZone::get(settings.time_zone.as_str()).unwrap_or(TimeZone::UTC);
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(zone).datetime()
}

pub fn day(at: Timestamp, settings: &Settings) -> Day {
    moment(at, settings).date()
}

pub fn day_after(at: Timestamp, settings: &Settings, days: u16) -> Day {
    let today = day(at, settings);
    today.checked_add(i32::from(days).days()).unwrap_or(today)
}

/// When the shop's next day begins: until then "today" means the same.
pub fn next_midnight(at: Timestamp, settings: &Settings) -> Timestamp {
    let zone = TimeZone::get(settings.time_zone.as_str()).unwrap_or(TimeZone::UTC);
    let tomorrow = day_after(at, settings, 1);
    let start = tomorrow.to_zoned(zone).map(|start| start.timestamp().as_millisecond());
    start.map_or_else(|_| at.plus_millis(gearify_commerce::time::HOUR_MS), Timestamp::from_millis)
}

/// The sizes pages show pictures in, wide enough for screens with two dots to a point.
pub const CARD_WIDTH: u32 = 640;
pub const PAGE_WIDTH: u32 = 960;
pub const LINE_WIDTH: u32 = 160;
const LARGE_WIDTH: u32 = 1_600;

pub fn media_picture(media: &Media, locale: &Locale, default: &Locale, width: u32) -> Picture {
    debug_assert!(IMAGE_WIDTHS.contains(&width), "pictures come in a few widths");
    let details = &media.details;
    let hash = details.hash.as_str();
    // A drawing has no dots: one file serves every size.
    let drawn = details.kind == MediaKind::Drawing;
    let url = |width: u32| if drawn { media_url(hash, None) } else { media_url(hash, Some(width)) };
    let larger = (!drawn && details.width > width).then(|| url(LARGE_WIDTH));
    Picture {
        url: url(width),
        alt: details.alt.words(locale, default).to_owned(),
        width: details.width,
        height: details.height,
        large_url: larger,
    }
}

/// The picture of a line: the variant's own, else the product's.
pub fn lead_picture(
    catalogue: &(impl View + ?Sized),
    product: &Product,
    variant: Option<&Variant>,
    locale: &Locale,
    default: &Locale,
    width: u32,
) -> Option<Picture> {
    let media = catalog::lead_media(catalogue, product, variant)?;
    Some(media_picture(&media, locale, default, width))
}

/// What is said of stock; `pieces` is how many are left, told when they are few.
pub fn shown(
    availability: Availability,
    pieces: Option<i64>,
    policy: Option<Policy>,
    settings: &Settings,
) -> Shown {
    match availability {
        Availability::InStock => Shown::InStock,
        Availability::LowStock => {
            let left = pieces.and_then(|pieces| u32::try_from(pieces).ok()).filter(|left| *left > 0);
            Shown::LowStock { left }
        }
        Availability::Backorder => Shown::Backorder,
        Availability::Preorder => Shown::Preorder {
            from: match policy {
                Some(Policy::Preorder { available_at }) => Some(day(available_at, settings)),
                _ => None,
            },
        },
        Availability::OutOfStock => Shown::OutOfStock,
    }
}

pub fn page_label(kind: PageKind, t: Text) -> &'static str {
    match kind {
        PageKind::Delivery => t.page_delivery(),
        PageKind::Returns => t.page_returns(),
        PageKind::Privacy => t.page_privacy(),
        PageKind::Terms => t.page_terms(),
        PageKind::Contact => t.page_contact(),
    }
}

/// Plain words of a merchant's Markdown, cut at a word's end: for descriptions in the document's head.
pub fn excerpt(markdown: &str, characters: usize) -> String {
    let plain: String = markdown
        .chars()
        .map(
            |character| if character.is_control() || "#*_`>[]".contains(character) { ' ' } else { character },
        )
        .collect();
    let mut cut = String::new();
    let mut length = 0;
    for word in plain.split_whitespace() {
        let longer = length + word.chars().count() + usize::from(length > 0);
        if longer > characters {
            if !cut.is_empty() {
                cut.push('…');
            }
            break;
        }
        if length > 0 {
            cut.push(' ');
        }
        cut.push_str(word);
        length = longer;
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::Country;
    use gearify_commerce::tenants;

    fn settings(zone: &str) -> Settings {
        Settings::new(
            Currency::parse("GBP").unwrap(),
            Locale::parse("en-GB").unwrap(),
            Country::parse("GB").unwrap(),
            tenants::TimeZone::parse(zone).unwrap(),
        )
    }

    #[test]
    fn days_are_those_of_the_shop() {
        // 2025-11-22 22:30 in UTC.
        let at = Timestamp::from_millis(1_763_850_600_000);
        assert_eq!(day(at, &settings("Europe/London")).to_string(), "2025-11-22");
        assert_eq!(day(at, &settings("Asia/Kolkata")).to_string(), "2025-11-23");
        assert_eq!(day_after(at, &settings("Europe/London"), 3).to_string(), "2025-11-25");
        assert_eq!(day(at, &settings("No/Where")).to_string(), "2025-11-22", "an unknown zone is UTC");
        let midnight = next_midnight(at, &settings("Europe/London"));
        assert_eq!(midnight.millis_since(at), 90 * 60 * 1_000);
    }

    #[test]
    fn an_excerpt_ends_at_a_word() {
        assert_eq!(excerpt("# A *fine* bat\n\nfor the opener", 15), "A fine bat for…");
        assert_eq!(excerpt("short", 15), "short");
        assert_eq!(excerpt("unbroken-and-too-long", 5), "");
    }
}

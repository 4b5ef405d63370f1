//! Amounts, times and states in words for the people who work in a shop.
//!
//! The console speaks English; numbers, dates and currency signs follow the shop's country, times its
//! time zone.

use super::view::{Badge, Cell, Tone};
use crate::l10n::{Amount, CurrencyCode, Locale};
use gearify_commerce::catalog::{Policy, ProductStatus};
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus, RefundState, ShipmentState};
use gearify_commerce::payments::PaymentState;
use gearify_commerce::tenants;
use gearify_commerce::{Currency, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How one shop writes.
#[derive(Clone, Debug)]
pub struct Words {
    pub locale: Locale,
    pub zone: TimeZone,
}

impl Words {
    pub fn of(settings: &tenants::Settings) -> Words {
        let country = settings.home.country.as_str();
        let locale = Locale::parse(&format!("en-{country}")).unwrap_or(Locale::EN_GB);
        // A name that the data base of zones does not know leaves times in UTC, as the page says.
        let zone = TimeZone::get(settings.time_zone.as_str()).unwrap_or(TimeZone::UTC);
        Words { locale, zone }
    }

    /// Of the platform itself.
    pub fn plain() -> Words {
        Words { locale: Locale::EN_GB, zone: TimeZone::UTC }
    }

    /// `£1,234.50`.
    pub fn money(&self, minor: i64, currency: Currency) -> String {
        match CurrencyCode::parse(currency.as_str()) {
            Ok(code) => self.locale.sum(Amount::new(minor, code)),
            Err(_) => gearify_commerce::Money::new(minor, currency).to_string(),
        }
    }

    pub fn sign(&self, currency: Currency) -> String {
        let code = CurrencyCode::parse(currency.as_str());
        code.map_or_else(|_| currency.to_string(), |code| code.symbol(self.locale).trim().to_owned())
    }

    pub fn count(&self, number: i64) -> String {
        self.locale.integer(number)
    }

    fn local(&self, at: Timestamp) -> DateTime {
        let instant =
            jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(instant)
    }

    /// `22 Nov 2025, 14:32`.
    pub fn when(&self, at: Timestamp) -> String {
        let moment = self.local(at);
        format!("{}, {}", self.day(at), self.locale.time(moment))
    }

    /// `Sat 22 Nov 2025`.
    pub fn day(&self, at: Timestamp) -> String {
        let date = self.local(at).date();
        format!("{} {}", self.locale.short_date(date), date.year())
    }

    /// A cell with a time, for machines too.
    pub fn time(&self, at: Timestamp) -> Cell {
        let clock = self.locale.time(self.local(at));
        Cell::Time { at: machine_time(at), day: self.day(at), clock }
    }

    /// As `datetime-local` fields have it.
    pub fn typed_moment(&self, at: Timestamp) -> String {
        self.local(at).strftime("%Y-%m-%dT%H:%M").to_string()
    }

    /// # Errors
    /// Words on how to write it.
    pub fn parse_moment(&self, text: &str) -> Result<Timestamp, String> {
        let help = || "Write a date and time such as 2026-03-01T09:00".to_owned();
        let local: DateTime = text.parse().map_err(|_| help())?;
        let instant = self.zone.to_timestamp(local).map_err(|_| help())?;
        Ok(Timestamp::from_millis(instant.as_millisecond()))
    }

    /// The beginning of the local day that holds `at`, moved by whole days.
    pub fn day_start(&self, at: Timestamp, days: i32) -> Timestamp {
        let date = self.local(at).date();
        let moved = date.checked_add(jiff::Span::new().days(days)).unwrap_or(date);
        self.instant(moved.to_datetime(jiff::civil::Time::midnight()))
    }

    /// `14:32`.
    pub fn clock(&self, at: Timestamp) -> String {
        self.locale.time(self.local(at))
    }

    /// The same day and time of the clock, a week before.
    pub fn week_before(&self, at: Timestamp) -> Timestamp {
        let local = self.local(at);
        self.instant(local.checked_sub(jiff::Span::new().weeks(1)).unwrap_or(local))
    }

    /// The beginning of an hour, 0 to 24, of the local day that holds `at`.
    pub fn hour_start(&self, at: Timestamp, hour: i8) -> Timestamp {
        match jiff::civil::Time::new(hour, 0, 0, 0) {
            Ok(time) => self.instant(self.local(at).date().to_datetime(time)),
            Err(_) => self.day_start(at, 1),
        }
    }

    fn instant(&self, local: DateTime) -> Timestamp {
        let zoned = self.zone.to_timestamp(local);
        Timestamp::from_millis(zoned.map_or(0, |instant| instant.as_millisecond()))
    }

    /// `Sunday`.
    pub fn weekday(&self, at: Timestamp) -> &'static str {
        const DAYS: [&str; 7] =
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let day = self.local(at).date().weekday().to_monday_zero_offset();
        DAYS[usize::try_from(day).unwrap_or(0) % 7]
    }
}

/// RFC 3339 in UTC.
pub fn machine_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// What a person types for an amount: `249.00` is 24,900 pence.
///
/// # Errors
/// Words on how to write it.
pub fn parse_money(text: &str, currency: Currency) -> Result<i64, String> {
    let exponent = currency.exponent() as usize;
    let example = match exponent {
        0 => "1250".to_owned(),
        digits => format!("1250.{}", "0".repeat(digits)),
    };
    let help = || format!("Write an amount such as {example}");
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let (negative, whole) = whole.strip_prefix('-').map_or((false, whole), |rest| (true, rest));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let grouped = is_grouped(whole);
    let whole = whole.replace(',', "");
    if !grouped || whole.is_empty() || !digits(&whole) || !digits(part) || part.len() > exponent {
        return Err(help());
    }
    let minor: i64 = format!("{whole}{part:0<exponent$}").parse().map_err(|_| help())?;
    Ok(if negative { -minor } else { minor })
}

/// Commas, where there are any, stand where thousands or lakhs are grouped; `12,50` is a slip.
fn is_grouped(whole: &str) -> bool {
    let groups: Vec<&str> = whole.split(',').collect();
    match groups.as_slice() {
        [] | [_] => true,
        [first, middle @ .., last] => {
            !first.is_empty() && last.len() == 3 && middle.iter().all(|group| matches!(group.len(), 2 | 3))
        }
    }
}

/// An amount as [`parse_money`] reads it.
pub fn typed_money(minor: i64, currency: Currency) -> String {
    let exponent = currency.exponent() as usize;
    let sign = if minor < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, part) = digits.split_at(digits.len() - exponent);
    if exponent == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// A number with so many decimals, as a person writes it: 25 with 1 is `2.5`.
pub fn typed_decimal(value: i64, decimals: u8) -> String {
    let places = usize::from(decimals);
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let part = part.trim_end_matches('0');
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

/// # Errors
/// Words on how to write it.
pub fn parse_decimal(text: &str, decimals: u8) -> Result<i64, String> {
    let places = usize::from(decimals);
    let help = || match places {
        0 => "Write a whole number".to_owned(),
        _ => format!("Write a number with at most {places} decimals"),
    };
    let text = text.trim();
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > places {
        return Err(help());
    }
    let value: i64 = format!("{whole}{part:0<places$}").parse().map_err(|_| help())?;
    Ok(if negative { -value } else { value })
}

pub fn order_badge(status: OrderStatus) -> Badge {
    match status {
        OrderStatus::Placed => Badge::new("Placed", Tone::Live),
        OrderStatus::Confirmed => Badge::new("Confirmed", Tone::Good),
        OrderStatus::Completed => Badge::new("Completed", Tone::Plain),
        OrderStatus::Cancelled => Badge::new("Cancelled", Tone::Bad),
        OrderStatus::Expired => Badge::new("Expired", Tone::Plain),
    }
}

pub fn payment_badge(status: PaymentStatus) -> Badge {
    match status {
        PaymentStatus::Unpaid => Badge::new("Unpaid", Tone::Warn),
        PaymentStatus::Pending => Badge::new("Payment pending", Tone::Warn),
        PaymentStatus::Authorised => Badge::new("Authorised", Tone::Live),
        PaymentStatus::PartiallyPaid => Badge::new("Partly paid", Tone::Warn),
        PaymentStatus::Paid => Badge::new("Paid", Tone::Good),
        PaymentStatus::PartiallyRefunded => Badge::new("Partly refunded", Tone::Live),
        PaymentStatus::Refunded => Badge::new("Refunded", Tone::Plain),
    }
}

pub fn fulfilment_badge(status: FulfillmentStatus) -> Badge {
    match status {
        FulfillmentStatus::Unfulfilled => Badge::new("Not shipped", Tone::Warn),
        FulfillmentStatus::Partial => Badge::new("Partly shipped", Tone::Live),
        FulfillmentStatus::Fulfilled => Badge::new("Shipped", Tone::Good),
        FulfillmentStatus::Delivered => Badge::new("Delivered", Tone::Plain),
    }
}

pub fn shipment_badge(state: ShipmentState) -> Badge {
    match state {
        ShipmentState::Packed => Badge::new("Packed", Tone::Plain),
        ShipmentState::Shipped => Badge::new("On its way", Tone::Live),
        ShipmentState::Delivered => Badge::new("Delivered", Tone::Good),
        ShipmentState::Lost => Badge::new("Lost", Tone::Bad),
    }
}

pub fn money_badge(state: PaymentState) -> Badge {
    match state {
        PaymentState::Pending => Badge::new("Pending", Tone::Warn),
        PaymentState::Authorised => Badge::new("Authorised", Tone::Live),
        PaymentState::PartiallyCaptured => Badge::new("Partly captured", Tone::Live),
        PaymentState::Captured => Badge::new("Captured", Tone::Good),
        PaymentState::Voided => Badge::new("Voided", Tone::Plain),
        PaymentState::Failed => Badge::new("Failed", Tone::Bad),
    }
}

pub fn refund_badge(state: RefundState) -> Badge {
    match state {
        RefundState::Pending => Badge::new("Under way", Tone::Live),
        RefundState::Succeeded => Badge::new("Given back", Tone::Good),
        RefundState::Failed => Badge::new("Failed", Tone::Bad),
    }
}

pub fn product_badge(status: ProductStatus) -> Badge {
    match status {
        ProductStatus::Draft => Badge::new("Draft", Tone::Plain),
        ProductStatus::Active => Badge::new("Published", Tone::Good),
        ProductStatus::Archived => Badge::new("Archived", Tone::Warn),
    }
}

pub fn policy_words(policy: Policy) -> &'static str {
    match policy {
        Policy::Deny => "Not sold when none is left",
        Policy::Backorder => "Sold on, delivered when it comes",
        Policy::Preorder { .. } => "Sold before it is there",
    }
}

/// `1 order`, `2 orders`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(number)) }
}

/// `1,240`
pub fn grouped(number: u64) -> String {
    Locale::EN_GB.integer(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let good = |text, currency, minor| assert_eq!(parse_money(text, currency), Ok(minor), "{text}");
        good("249", Currency::GBP, 24_900);
        good("249.5", Currency::GBP, 24_950);
        good(" 1,234.50 ", Currency::GBP, 123_450);
        good("1,23,456", Currency::INR, 12_345_600);
        good("1250", Currency::JPY, 1_250);
        good("-0.05", Currency::EUR, -5);
        for bad in ["", "12,50", "1,2345", "1.234", "£5", "5-", "1e3", ".", "--1", "99999999999999999999"] {
            assert!(parse_money(bad, Currency::GBP).is_err(), "{bad}");
        }
        assert!(parse_money("1.5", Currency::JPY).is_err());
    }

    #[test]
    fn times_follow_the_shop_and_days_begin_at_its_midnight() {
        let words = Words { locale: Locale::EN_GB, zone: TimeZone::get("Asia/Kolkata").unwrap() };
        let at = Timestamp::from_millis(1_763_821_920_000); // 2025-11-22T14:32:00Z
        assert_eq!(words.when(at), "Sat 22 Nov 2025, 20:02");
        assert_eq!(machine_time(words.day_start(at, 0)), "2025-11-21T18:30:00Z");
        assert_eq!(machine_time(words.day_start(at, -7)), "2025-11-14T18:30:00Z");
        assert_eq!(words.parse_moment(&words.typed_moment(at)), Ok(at));
        assert_eq!(words.weekday(at), "Saturday");
        assert!(words.parse_moment("tomorrow").is_err());
        assert_eq!(machine_time(words.week_before(at)), "2025-11-15T14:32:00Z");
        assert_eq!(machine_time(words.hour_start(at, 6)), "2025-11-22T00:30:00Z");
        assert_eq!(words.hour_start(at, 24), words.day_start(at, 1));
    }

    #[test]
    fn a_day_on_which_the_clocks_change_has_its_own_hours() {
        let words = Words { locale: Locale::EN_GB, zone: TimeZone::get("Europe/London").unwrap() };
        let at = Timestamp::from_millis(1_774_785_600_000); // 2026-03-29T12:00:00Z, the clocks went on at 1
        assert_eq!(machine_time(words.hour_start(at, 12)), "2026-03-29T11:00:00Z");
        assert_eq!(
            machine_time(words.week_before(at)),
            "2026-03-22T13:00:00Z",
            "at the same time of the clock"
        );
        assert_eq!(words.hour_start(at, 24).millis_since(words.hour_start(at, 0)), 23 * 3_600_000);
    }

    proptest! {
        #[test]
        fn an_amount_survives_being_typed(minor in -10_000_000_000i64..10_000_000_000) {
            for currency in [Currency::GBP, Currency::JPY, Currency::KWD] {
                prop_assert_eq!(parse_money(&typed_money(minor, currency), currency), Ok(minor));
            }
        }

        #[test]
        fn a_number_survives_being_typed(value in -1_000_000_000i64..1_000_000_000, decimals in 0u8..7) {
            prop_assert_eq!(parse_decimal(&typed_decimal(value, decimals), decimals), Ok(value));
        }
    }
}

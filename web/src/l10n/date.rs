//! Days and moments, already in the shop's time zone: whoever fills a page converts, this only writes.

use jiff::civil::{Date, DateTime};

use super::{Language, Locale};

/// A calendar day in the shop's time zone.
pub type Day = Date;
/// A day and time in the shop's time zone.
pub type Moment = DateTime;

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const HINDI_MONTHS: [&str; 12] =
    ["जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर"];
/// Monday first, as ISO 8601 counts.
const ENGLISH_WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const HINDI_WEEKDAYS: [&str; 7] = ["सोम", "मंगल", "बुध", "गुरु", "शुक्र", "शनि", "रवि"];

impl Locale {
    /// `22 November 2025`; the month first in the United States.
    pub fn date(self, day: Day) -> String {
        let (number, month, year) = (day.day(), self.month(day), day.year());
        if self.country() == "US" {
            format!("{month} {number}, {year}")
        } else {
            format!("{number} {month} {year}")
        }
    }

    /// A near day, without its year: `Sat 22 Nov`; Hindi has no shorter month.
    pub fn short_date(self, day: Day) -> String {
        let weekday = match self.language() {
            Language::English => ENGLISH_WEEKDAYS,
            Language::Hindi => HINDI_WEEKDAYS,
        }[usize::try_from(day.weekday().to_monday_zero_offset()).expect("a weekday is 0 to 6")];
        let month = match self.language() {
            Language::English => &self.month(day)[..3],
            Language::Hindi => self.month(day),
        };
        format!("{weekday} {} {month}", day.day())
    }

    /// `14:32`, or `2:32 pm` where people say it so.
    pub fn time(self, moment: Moment) -> String {
        let (hour, minute) = (moment.hour(), moment.minute());
        if self.uses_24_hour_clock() {
            return format!("{hour:02}:{minute:02}");
        }
        let half = if hour < 12 { "am" } else { "pm" };
        let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
        format!("{hour}:{minute:02}\u{a0}{half}")
    }

    /// `22 November 2025, 14:32`.
    pub fn date_time(self, moment: Moment) -> String {
        format!("{}, {}", self.date(moment.date()), self.time(moment))
    }

    /// From one day to another, said once where they are the same: `Tue 25 Nov – Thu 27 Nov`.
    pub fn date_range(self, from: Day, to: Day) -> String {
        if from == to {
            return self.short_date(from);
        }
        format!("{} – {}", self.short_date(from), self.short_date(to))
    }

    fn month(self, day: Day) -> &'static str {
        let names = match self.language() {
            Language::English => ENGLISH_MONTHS,
            Language::Hindi => HINDI_MONTHS,
        };
        names[usize::try_from(day.month() - 1).expect("a month is 1 to 12")]
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, datetime};

    use super::*;

    #[test]
    fn days_and_times_follow_the_locale() {
        let day = date(2025, 11, 22);
        let us = Locale::parse("en-US").unwrap();
        assert_eq!(Locale::EN_GB.date(day), "22 November 2025");
        assert_eq!(us.date(day), "November 22, 2025");
        assert_eq!(Locale::HI_IN.date(day), "22 नवंबर 2025");
        assert_eq!(Locale::EN_AU.short_date(day), "Sat 22 Nov");
        assert_eq!(Locale::HI_IN.short_date(day), "शनि 22 नवंबर");
        assert_eq!(Locale::EN_GB.date_range(day, day), "Sat 22 Nov");
        assert_eq!(Locale::EN_GB.date_range(day, date(2025, 11, 25)), "Sat 22 Nov – Tue 25 Nov");
        for (hour, gb, au) in
            [(0, "00:05", "12:05\u{a0}am"), (12, "12:05", "12:05\u{a0}pm"), (14, "14:05", "2:05\u{a0}pm")]
        {
            let moment = datetime(2025, 11, 22, hour, 5, 0, 0);
            assert_eq!(Locale::EN_GB.time(moment), gb);
            assert_eq!(Locale::EN_AU.time(moment), au);
        }
    }
}

//! Small shapes that many answers are made of.

use gearify_commerce::catalog::Media;
use gearify_commerce::{Currency, Locale, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An amount in minor units: `{"amount": 24900, "currency": "GBP"}` is £249.00.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MoneyView {
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
}

pub fn money(amount: i64, currency: Currency) -> MoneyView {
    MoneyView { amount, currency: currency.as_str().to_owned() }
}

/// RFC 3339, UTC, milliseconds.
pub fn moment(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(at) => format!("{at:.3}"),
        // Beyond the calendar: no entry of ours is.
        Err(_) => at.as_millis().to_string(),
    }
}

/// A picture. The address holds its content's hash: what it shows never changes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ImageView {
    pub id: String,
    pub url: String,
    pub alt: String,
    pub width: u32,
    pub height: u32,
    /// A colour to show until the picture is there.
    pub placeholder: Option<String>,
}

pub fn image_view(media: &Media, locale: &Locale, default: &Locale) -> ImageView {
    let details = &media.details;
    ImageView {
        id: media.id.to_string(),
        url: media_url(details.hash.as_str(), None),
        alt: details.alt.words(locale, default).to_owned(),
        width: details.width,
        height: details.height,
        placeholder: details.placeholder.as_ref().map(|colour| colour.to_string()),
    }
}

/// Widths in which pictures are served, in pixels.
pub const IMAGE_WIDTHS: [u32; 5] = [160, 320, 640, 960, 1_600];

/// The address of a picture by its content's hash: whole, or at most so wide.
pub fn media_url(hash: &str, width: Option<u32>) -> String {
    match width {
        Some(width) => format!("/media/{hash}/{width}"),
        None => format!("/media/{hash}/original"),
    }
}

/// How many there are in all.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ListTotal {
    pub value: u64,
    /// `exact` or `at_least`.
    pub relation: &'static str,
}

impl ListTotal {
    pub fn new(value: u64, exact: bool) -> ListTotal {
        ListTotal { value, relation: if exact { "exact" } else { "at_least" } }
    }
}

/// Declares the list of a view: a page of it with cursors.
macro_rules! list_view {
    ($(#[$doc:meta])* $name:ident of $item:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
        pub struct $name {
            pub data: Vec<$item>,
            pub next_cursor: Option<String>,
            pub prev_cursor: Option<String>,
            pub total: Option<$crate::read::ListTotal>,
        }

        impl $name {
            /// All there is, on one page.
            #[allow(dead_code, reason = "not every list fits one page")]
            pub fn whole(data: Vec<$item>) -> $name {
                let total = $crate::read::ListTotal::new(data.len() as u64, true);
                $name { data, next_cursor: None, prev_cursor: None, total: Some(total) }
            }

            /// A page of a console list, each row converted.
            #[allow(dead_code, reason = "not every list comes from the projection")]
            pub fn page<R>(page: $crate::ports_lists::ListPage<R>, convert: impl FnMut(R) -> $item) -> $name {
                $name {
                    next_cursor: page.next_cursor,
                    prev_cursor: page.prev_cursor,
                    total: Some($crate::read::ListTotal::new(page.total, page.total_exact)),
                    data: page.data.into_iter().map(convert).collect(),
                }
            }
        }
    };
}
pub(crate) use list_view;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_milliseconds_and_is_in_utc() {
        assert_eq!(moment(Timestamp::from_millis(1_700_000_000_007)), "2023-11-14T22:13:20.007Z");
        assert_eq!(moment(Timestamp::from_millis(0)), "1970-01-01T00:00:00.000Z");
    }
}

//! The small things pages are made of: links, pictures, prices, fields, notices.
//!
//! Texts in these structs are plain; the templates escape them. `href`s are complete (with the
//! locale prefix where the shop has one) and are the caller's to choose; fixed addresses come from
//! [`super::paths`].

use crate::l10n::{Amount, Day, Moment};

/// A link with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub label: String,
    pub href: String,
}

impl Link {
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Link {
        Link { label: label.into(), href: href.into() }
    }
}

/// A picture with the size of the file, so that nothing moves when it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub url: String,
    /// What it shows; empty only where the words beside it already say so.
    pub alt: String,
    pub width: u32,
    pub height: u32,
    /// A larger rendition for the zoom.
    pub large_url: Option<String>,
}

/// A price on a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTag {
    /// None while the shop asks none in its currency: it is shown, and can't be bought.
    pub price: Option<Amount>,
    /// Variants differ: the price is the lowest of them and is written "from".
    pub from: bool,
    /// The price before; shown only if it is higher.
    pub compare_at: Option<Amount>,
}

impl PriceTag {
    pub fn plain(price: Amount) -> PriceTag {
        PriceTag { price: Some(price), from: false, compare_at: None }
    }

    /// The former price, if this one is a reduction of it.
    pub fn reduced_from(&self) -> Option<Amount> {
        let price = self.price?;
        self.compare_at.filter(|before| before.currency == price.currency && before.minor > price.minor)
    }
}

/// Whether a thing can be bought now. The words come from the language file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    InStock,
    /// Few left; the number is said if it is known.
    LowStock {
        left: Option<u32>,
    },
    Backorder,
    Preorder {
        from: Option<Day>,
    },
    OutOfStock,
}

impl Availability {
    pub fn is_sellable(self) -> bool {
        !matches!(self, Availability::OutOfStock)
    }

    /// The class that colours the dot beside the words; the words carry the meaning.
    pub fn class(self) -> &'static str {
        match self {
            Availability::InStock => "stock-in",
            Availability::LowStock { .. } => "stock-low",
            Availability::Backorder | Availability::Preorder { .. } => "stock-later",
            Availability::OutOfStock => "stock-out",
        }
    }

    /// The term of schema.org for structured data.
    pub fn schema_org(self) -> &'static str {
        match self {
            Availability::InStock => "https://schema.org/InStock",
            Availability::LowStock { .. } => "https://schema.org/LimitedAvailability",
            Availability::Backorder => "https://schema.org/BackOrder",
            Availability::Preorder { .. } => "https://schema.org/PreOrder",
            Availability::OutOfStock => "https://schema.org/OutOfStock",
        }
    }
}

/// The mean of reviews in tenths of a star (43 is 4.3) and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rating {
    pub tenths: u32,
    pub count: u64,
}

impl Rating {
    /// `4.3`
    pub fn value(self) -> String {
        format!("{}.{}", self.tenths / 10, self.tenths % 10)
    }
}

/// A product where several are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductCard {
    /// Names it in addresses, as `p` of a comparison.
    pub slug: String,
    pub href: String,
    pub name: String,
    pub brand: Option<String>,
    pub picture: Option<Picture>,
    pub price: PriceTag,
    pub availability: Availability,
    /// In list view one cell per column of the listing, in order, empty where there is nothing to
    /// say; in grids the two or three that matter ("Grade 1", "2 lb 8 oz").
    pub specs: Vec<String>,
    pub rating: Option<Rating>,
    /// One short word on the picture: "New", "Last season".
    pub badge: Option<String>,
}

impl ProductCard {
    pub fn has_specs(&self) -> bool {
        self.specs.iter().any(|spec| !spec.is_empty())
    }

    /// The cell of a column, empty if there is none.
    pub fn spec(&self, column: usize) -> &str {
        self.specs.get(column).map_or("", String::as_str)
    }
}

/// One row of a table of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    pub label: String,
    pub value: String,
}

impl Spec {
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Spec {
        Spec { label: label.into(), value: value.into() }
    }
}

/// What has just happened, said at the top of the page and announced to screen readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub tone: Tone,
    pub text: String,
    pub link: Option<Link>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something worked.
    Done,
    /// Something to know.
    Information,
    /// Something did not work.
    Problem,
}

impl Tone {
    pub fn class(self) -> &'static str {
        match self {
            Tone::Done => "notice-done",
            Tone::Information => "notice-information",
            Tone::Problem => "notice-problem",
        }
    }

    /// Problems interrupt a screen reader, the rest waits its turn.
    pub fn role(self) -> &'static str {
        match self {
            Tone::Problem => "alert",
            Tone::Done | Tone::Information => "status",
        }
    }
}

/// One of several to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

/// Whether anything is chosen yet.
pub fn any_selected(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| choice.selected)
}

/// An input of a form with its label, what was typed, and what is wrong with it.
///
/// The id on the page is made from `name`; give every field of a page its own name
/// (`shipping.city`, `billing.city`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub label: String,
    pub kind: FieldKind,
    /// What was typed before, kept; never filled for passwords.
    pub value: String,
    pub required: bool,
    /// The token of the HTML standard ("email", "shipping postal-code"); empty for none.
    pub autocomplete: String,
    pub hint: Option<String>,
    /// What is wrong and what to do, in words for the shopper.
    pub error: Option<String>,
    pub width: FieldWidth,
    pub max_length: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    Text,
    Email,
    Phone,
    /// Digits that are not a number (a PIN code): a numeric keyboard, no spinner.
    Digits,
    Password,
    Number {
        min: i64,
        max: i64,
    },
    Area {
        rows: u32,
    },
    Select(Vec<Choice>),
    /// Value `yes` when ticked; `value == "yes"` ticks it.
    Tick,
}

/// How much of the row a field takes on a wide page; always all of it on a phone, except `Short`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldWidth {
    Full,
    Half,
    /// Its content is short and the box says so (a postcode).
    Short,
}

impl FieldWidth {
    pub fn class(self) -> &'static str {
        match self {
            FieldWidth::Full => "field-full",
            FieldWidth::Half => "field-half",
            FieldWidth::Short => "field-short",
        }
    }
}

impl Field {
    pub fn new(kind: FieldKind, name: impl Into<String>, label: impl Into<String>) -> Field {
        Field {
            name: name.into(),
            label: label.into(),
            kind,
            value: String::new(),
            required: true,
            autocomplete: String::new(),
            hint: None,
            error: None,
            width: FieldWidth::Full,
            max_length: None,
        }
    }

    pub fn value(mut self, value: impl Into<String>) -> Field {
        self.value = value.into();
        self
    }

    pub fn optional(mut self) -> Field {
        self.required = false;
        self
    }

    pub fn autocomplete(mut self, token: impl Into<String>) -> Field {
        self.autocomplete = token.into();
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Field {
        self.hint = Some(hint.into());
        self
    }

    pub fn error(mut self, error: Option<String>) -> Field {
        self.error = error;
        self
    }

    pub fn width(mut self, width: FieldWidth) -> Field {
        self.width = width;
        self
    }

    pub fn max_length(mut self, characters: u32) -> Field {
        self.max_length = Some(characters);
        self
    }

    /// The id of the input on the page.
    pub fn id(&self) -> String {
        element_id("f", &self.name)
    }

    /// The ids of hint and error for `aria-describedby`, empty if there are none.
    pub fn described_by(&self) -> String {
        let id = self.id();
        let mut ids = Vec::new();
        if self.hint.is_some() {
            ids.push(format!("{id}-hint"));
        }
        if self.error.is_some() {
            ids.push(format!("{id}-error"));
        }
        ids.join(" ")
    }
}

/// An id that is valid in a page and a style sheet, from a name a person or a merchant chose.
/// Different names give different ids: what is not a letter or digit is written by its code.
pub fn element_id(prefix: &str, name: &str) -> String {
    use std::fmt::Write as _;
    let mut id = String::from(prefix);
    id.push('-');
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || character == '-' {
            id.push(character);
        } else {
            write!(id, "_{:x}_", u32::from(character)).expect("writing to a String cannot fail");
        }
    }
    id
}

/// The lines of an address as they are printed on a parcel.
pub type AddressLines = Vec<String>;

/// When goods are expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryWindow {
    pub from: Day,
    pub to: Day,
}

/// One thing that happened or is to happen, in a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineStep {
    pub label: String,
    pub at: Option<Moment>,
    pub state: StepState,
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    Done,
    Current,
    Ahead,
    /// It ended here (cancelled, expired, declined).
    Stopped,
}

impl StepState {
    pub fn class(self) -> &'static str {
        match self {
            StepState::Done => "step-done",
            StepState::Current => "step-current",
            StepState::Ahead => "step-ahead",
            StepState::Stopped => "step-stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_and_tell_names_apart() {
        assert_eq!(element_id("f", "shipping.city"), "f-shipping_2e_city");
        assert_ne!(element_id("f", "a.b"), element_id("f", "a_b"));
        assert_eq!(element_id("f", "\"><script>"), "f-_22__3e__3c_script_3e_");
    }

    #[test]
    fn a_former_price_counts_only_if_it_was_higher() {
        use crate::l10n::CurrencyCode;
        let tag = |before| PriceTag {
            price: Some(Amount::new(1_000, CurrencyCode::GBP)),
            from: false,
            compare_at: Some(before),
        };
        assert!(tag(Amount::new(1_200, CurrencyCode::GBP)).reduced_from().is_some());
        assert!(tag(Amount::new(1_000, CurrencyCode::GBP)).reduced_from().is_none());
        assert!(tag(Amount::new(9_000, CurrencyCode::INR)).reduced_from().is_none());
    }
}

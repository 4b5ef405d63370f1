//! The home page: what the shop stands for, its departments, a few things worth a look.

use super::parts::{Link, Picture, ProductCard};
use crate::l10n::{Text, pounds_and_ounces};
use crate::storefront::specs::speaks_grams;

#[derive(Debug, Clone)]
pub struct HomePage {
    pub hero: Hero,
    /// Departments with a picture; six or eight look best.
    pub departments: Vec<Tile>,
    /// Rows of products ("New this season").
    pub rows: Vec<ProductRow>,
    /// Bats by weight, for shops that sell bats.
    pub weights: Option<WeightScale>,
    /// Things done by hand in the shop (knocking in, oiling), for shops that do them.
    pub workshop: Vec<Service>,
    /// Short promises with their facts: delivery, returns, advice.
    pub promises: Vec<Promise>,
}

#[derive(Debug, Clone)]
pub struct Hero {
    pub headline: String,
    pub text: String,
    /// The single action of the page.
    pub action: Link,
    pub second: Option<Link>,
    pub picture: Option<Picture>,
}

#[derive(Debug, Clone)]
pub struct Tile {
    pub name: String,
    pub href: String,
    pub picture: Option<Picture>,
    /// "from £45", "24 bats"; may be empty.
    pub note: String,
}

#[derive(Debug, Clone)]
pub struct ProductRow {
    pub title: String,
    pub more: Option<Link>,
    pub products: Vec<ProductCard>,
}

/// Pick-up weights in order, each leading to the bats of that weight.
#[derive(Debug, Clone)]
pub struct WeightScale {
    pub marks: Vec<WeightMark>,
}

/// The first and the last mark take in all that is lighter or heavier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WeightEnd {
    #[default]
    Both,
    UpTo,
    From,
}

#[derive(Debug, Clone)]
pub struct WeightMark {
    /// In grams the lower end, of an open first mark the upper; written as pounds and ounces with grams
    /// beside.
    pub grams: u32,
    pub open: WeightEnd,
    pub href: String,
    /// How many bats weigh about this.
    pub count: u64,
}

#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    pub text: String,
    /// "£30.00, ready in 3 days"; may be empty.
    pub note: String,
}

#[derive(Debug, Clone)]
pub struct Promise {
    pub title: String,
    pub text: String,
    pub link: Option<Link>,
}

impl WeightMark {
    /// `2 lb 9 oz`, `up to 2 lb 6 oz`, `3 lb and over`; in grams where bats are spoken of in grams.
    pub fn label(&self, t: Text) -> String {
        let weight = if speaks_grams(t.locale()) { self.in_grams(t) } else { pounds_and_ounces(self.grams) };
        match self.open {
            WeightEnd::Both => weight,
            WeightEnd::UpTo => t.weight_up_to(weight),
            WeightEnd::From => t.weight_from(weight),
        }
    }

    /// The same in the other unit.
    pub fn beside(&self, t: Text) -> String {
        if speaks_grams(t.locale()) { pounds_and_ounces(self.grams) } else { self.in_grams(t) }
    }

    fn in_grams(&self, t: Text) -> String {
        format!("{}\u{a0}g", t.locale().integer(i64::from(self.grams)))
    }
}

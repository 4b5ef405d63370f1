//! Drawn pictures of the things a cricket shop sells: our own SVG, by kind and colours.
//!
//! The same kind, palette and seed always give the same bytes, so a picture can be named by its
//! [`Spec`] and kept for ever. The drawings use presentation attributes only (no style sheet, no
//! script, no outside reference) and show inside `<img>` under any policy.
//! Sizes are those of the view box, 800 × 1000, four to five.

mod ball;
mod bat;
mod canvas;
mod clothing;
mod gloves;
mod helmet;
mod kit;
mod marks;
mod pads;

use std::fmt;
use std::str::FromStr;

use crate::colour::Colour;
use canvas::Canvas;
pub use marks::{favicon, logo};

/// Width and height of every picture.
pub const WIDTH: u32 = 800;
pub const HEIGHT: u32 = 1000;

/// A light label colour that stands on any brand.
pub const PARCHMENT: Colour = Colour::new(0xf4, 0xea, 0xd3);

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The face and beside it the profile.
    Bat,
    /// The back of the same bat, with its spine.
    BatBack,
    Pads,
    BattingGloves,
    KeepingGloves,
    Helmet,
    Ball,
    Bag,
    Shirt,
    Trousers,
    Sweater,
    Cap,
    Shoes,
    Stumps,
    Grip,
    /// Oil and mallet.
    Care,
    Oil,
    Mallet,
    ThighGuard,
    /// A whole kit together.
    KitSet,
}

impl Kind {
    pub const ALL: [Kind; 20] = [
        Kind::Bat,
        Kind::BatBack,
        Kind::Pads,
        Kind::BattingGloves,
        Kind::KeepingGloves,
        Kind::Helmet,
        Kind::Ball,
        Kind::Bag,
        Kind::Shirt,
        Kind::Trousers,
        Kind::Sweater,
        Kind::Cap,
        Kind::Shoes,
        Kind::Stumps,
        Kind::Grip,
        Kind::Care,
        Kind::Oil,
        Kind::Mallet,
        Kind::ThighGuard,
        Kind::KitSet,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Bat => "bat",
            Kind::BatBack => "bat-back",
            Kind::Pads => "pads",
            Kind::BattingGloves => "batting-gloves",
            Kind::KeepingGloves => "keeping-gloves",
            Kind::Helmet => "helmet",
            Kind::Ball => "ball",
            Kind::Bag => "bag",
            Kind::Shirt => "shirt",
            Kind::Trousers => "trousers",
            Kind::Sweater => "sweater",
            Kind::Cap => "cap",
            Kind::Shoes => "shoes",
            Kind::Stumps => "stumps",
            Kind::Grip => "grip",
            Kind::Care => "care",
            Kind::Oil => "oil",
            Kind::Mallet => "mallet",
            Kind::ThighGuard => "thigh-guard",
            Kind::KitSet => "kit-set",
        }
    }
}

/// The colours a maker puts on its things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Palette {
    /// Labels, straps, the leather of a ball, the shell of a helmet.
    pub primary: Colour,
    /// Stripes and emblems on it.
    pub secondary: Colour,
}

impl Palette {
    /// Palettes by name, for [`Spec`] and for demo ranges.
    pub const NAMED: [(&'static str, Palette); 12] = [
        ("crimson", Palette::new(0x9e1b20, 0xf0d9a8)),
        ("navy", Palette::new(0x1d2f54, 0xd9a441)),
        ("forest", Palette::new(0x1f4d36, 0xe8c872)),
        ("ochre", Palette::new(0xc8871e, 0x2b2a28)),
        ("teal", Palette::new(0x17696a, 0xf2e3c6)),
        ("plum", Palette::new(0x5b2a4e, 0xe7b7a0)),
        ("graphite", Palette::new(0x33363b, 0xd8472f)),
        ("sky", Palette::new(0x3f7fb5, 0xfdf6e4)),
        ("rose", Palette::new(0xd9447c, 0x23211f)),
        ("ivory", Palette::new(0xf1ecdd, 0x2f5d46)),
        ("saffron", Palette::new(0xe2762a, 0x1d3a5f)),
        ("royal", Palette::new(0x2747a0, 0xf4f1e6)),
    ];

    const fn new(primary: u32, secondary: u32) -> Palette {
        Palette { primary: from_number(primary), secondary: from_number(secondary) }
    }

    pub fn named(name: &str) -> Option<Palette> {
        Palette::NAMED.iter().find(|(known, _)| *known == name).map(|(_, palette)| *palette)
    }
}

const fn from_number(number: u32) -> Colour {
    let [_, red, green, blue] = number.to_be_bytes();
    Colour::new(red, green, blue)
}

/// A picture's name: `bat.crimson.17`. Kind, palette, and the seed of the grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Spec {
    pub kind: Kind,
    palette: usize,
    pub seed: u64,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{name:?} does not name a picture like bat.crimson.17")]
pub struct NotASpec {
    pub name: String,
}

impl Spec {
    /// `None` if no palette has that name.
    pub fn new(kind: Kind, palette: &str, seed: u64) -> Option<Spec> {
        let palette = Palette::NAMED.iter().position(|(known, _)| *known == palette)?;
        Some(Spec { kind, palette, seed })
    }

    pub fn palette(self) -> Palette {
        Palette::NAMED[self.palette].1
    }

    /// The picture itself, on paper.
    pub fn svg(self) -> String {
        product(self.kind, &self.palette(), self.seed)
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.kind.name(), Palette::NAMED[self.palette].0, self.seed)
    }
}

impl FromStr for Spec {
    type Err = NotASpec;

    fn from_str(name: &str) -> Result<Spec, NotASpec> {
        let read = || {
            let mut parts = name.split('.');
            let kind = parts.next()?;
            let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
            let palette = parts.next()?;
            let seed = parts.next()?;
            // One name for one picture: no signs, no leading zeros, no third point.
            let number: u64 = seed.parse().ok()?;
            let canonical = number.to_string() == seed && parts.next().is_none();
            canonical.then(|| Spec::new(kind, palette, number)).flatten()
        };
        read().ok_or_else(|| NotASpec { name: name.to_owned() })
    }
}

/// The thing on paper, standing on a crease.
pub fn product(kind: Kind, palette: &Palette, seed: u64) -> String {
    let mut canvas = Canvas::new(seed);
    canvas.paper();
    draw(kind, palette, &mut canvas);
    canvas.finish()
}

/// A bat and a ball without paper, for the front of a shop in its own colours.
pub fn front(palette: &Palette, seed: u64) -> String {
    let mut canvas = Canvas::new(seed);
    kit::front(palette, &mut canvas);
    canvas.finish()
}

/// The thing alone, for a coloured ground.
pub fn cut_out(kind: Kind, palette: &Palette, seed: u64) -> String {
    let mut canvas = Canvas::new(seed);
    draw(kind, palette, &mut canvas);
    canvas.finish()
}

fn draw(kind: Kind, palette: &Palette, canvas: &mut Canvas) {
    match kind {
        Kind::Bat => bat::face_and_profile(palette, canvas),
        Kind::BatBack => bat::back_and_profile(palette, canvas),
        Kind::Pads => pads::pair(palette, canvas),
        Kind::ThighGuard => pads::thigh_guard(palette, canvas),
        Kind::BattingGloves => gloves::batting(palette, canvas),
        Kind::KeepingGloves => gloves::keeping(palette, canvas),
        Kind::Helmet => helmet::helmet(palette, canvas),
        Kind::Ball => ball::ball(palette, canvas),
        Kind::Bag => kit::bag(palette, canvas),
        Kind::Stumps => kit::stumps(palette, canvas),
        Kind::Grip => kit::grips(palette, canvas),
        Kind::Care => kit::care(palette, canvas),
        Kind::Oil => kit::oil(palette, canvas),
        Kind::Mallet => kit::mallet(palette, canvas),
        Kind::KitSet => kit::set(palette, canvas),
        Kind::Shirt => clothing::shirt(palette, canvas),
        Kind::Trousers => clothing::trousers(palette, canvas),
        Kind::Sweater => clothing::sweater(palette, canvas),
        Kind::Cap => clothing::cap(palette, canvas),
        Kind::Shoes => clothing::shoes(palette, canvas),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_in_every_palette_is_a_small_inert_picture() {
        for kind in Kind::ALL {
            for (name, palette) in Palette::NAMED {
                for seed in 0..4 {
                    let svg = product(kind, &palette, seed);
                    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
                    assert!(svg.len() < 64 * 1024, "{kind:?} {name} has {} bytes", svg.len());
                    for forbidden in ["<script", "<style", "style=", " on", "href", "NaN", "inf"] {
                        assert!(!svg.contains(forbidden), "{forbidden} in {kind:?} {name} {seed}");
                    }
                    assert_eq!(svg.matches("<g").count() - svg.matches("<g ").count(), 0);
                    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
                    assert_eq!(svg, product(kind, &palette, seed), "the same every time");
                }
            }
        }
    }

    #[test]
    fn the_seed_draws_another_grain() {
        let palette = Palette::named("crimson").unwrap();
        assert_ne!(product(Kind::Bat, &palette, 1), product(Kind::Bat, &palette, 2));
    }

    #[test]
    fn a_picture_has_one_name() {
        for kind in Kind::ALL {
            let spec = Spec::new(kind, "navy", 17).unwrap();
            assert_eq!(spec.to_string().parse(), Ok(spec));
        }
        for name in [
            "",
            "bat",
            "bat.navy",
            "bat.navy.",
            "bat.navy.01",
            "bat.navy.+1",
            "bat.navy.1.2",
            "bat.pink.1",
            "../x.navy.1",
            "BAT.navy.1",
        ] {
            assert!(name.parse::<Spec>().is_err(), "{name}");
        }
    }

    #[test]
    fn a_name_cannot_break_out_of_its_mark() {
        let brand = Colour::new(0x1d, 0x4a, 0x36);
        let sign = logo("\"><script>alert(1)</script>", brand);
        assert!(!sign.contains("<script"), "{sign}");
        assert!(favicon('<', brand).contains('•'));
        assert!(favicon('म', brand).contains('म'));
    }
}

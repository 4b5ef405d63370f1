//! A tenant's colours and type, as one style sheet.
//!
//! A merchant picks a colour, not a contrast. From each colour this module derives what may stand on
//! it and what of it may stand on paper, so that text always reaches 4.5 : 1 (WCAG 2.2, 1.4.3) in
//! both schemes. Only parsed colours and listed type faces reach the sheet: no text of a merchant.

use crate::assets;

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Colour {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{value:?} is not a colour like #1f5c3d")]
pub struct NotAColour {
    pub value: String,
}

/// The paper pages are printed on, and the same at night. `shop.css` uses the same values.
pub const GROUND: Colour = Colour::new(0xfb, 0xf9, 0xf4);
pub const GROUND_DARK: Colour = Colour::new(0x17, 0x16, 0x13);
/// The tinted paper behind pictures and panels: the less friendly of the two grounds for text.
pub const GROUND_SUNK: Colour = Colour::new(0xf2, 0xee, 0xe4);
pub const GROUND_SUNK_DARK: Colour = Colour::new(0x21, 0x1f, 0x1a);
/// The leather of a new ball: the single action of a page.
pub const BALL_RED: Colour = Colour::new(0xa8, 0x20, 0x1a);

const WHITE: Colour = Colour::new(0xff, 0xff, 0xff);
const BLACK: Colour = Colour::new(0, 0, 0);
const INK: Colour = Colour::new(0x1c, 0x1b, 0x17);

/// What text needs against what it stands on.
const TEXT_CONTRAST: f64 = 4.5;
/// What the edge of a control needs against the page.
const EDGE_CONTRAST: f64 = 3.0;

impl Colour {
    pub const fn new(red: u8, green: u8, blue: u8) -> Colour {
        Colour { red, green, blue }
    }

    /// Reads `#rrggbb` or `#rgb`.
    pub fn parse(value: &str) -> Result<Colour, NotAColour> {
        let refuse = || NotAColour { value: value.to_owned() };
        let digits = value.strip_prefix('#').ok_or_else(refuse)?;
        let number = match digits.len() {
            _ if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => return Err(refuse()),
            6 => u32::from_str_radix(digits, 16).map_err(|_| refuse())?,
            3 => {
                let doubled: String = digits.chars().flat_map(|digit| [digit, digit]).collect();
                u32::from_str_radix(&doubled, 16).map_err(|_| refuse())?
            }
            _ => return Err(refuse()),
        };
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Colour { red, green, blue })
    }

    /// `#rrggbb`
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The contrast ratio of two colours, 1 to 21; the order does not matter.
    pub fn contrast(self, other: Colour) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// This colour with a share (0 to 1) of another in it.
    pub fn mixed_with(self, other: Colour, share: f64) -> Colour {
        let mix = |from: u8, to: u8| {
            let value = f64::from(from) + (f64::from(to) - f64::from(from)) * share.clamp(0.0, 1.0);
            // Between two channel values, so it fits a channel.
            value.round() as u8
        };
        Colour {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }

    /// What to write on this colour: white where it can be read, else ink, else plain black,
    /// one of which always reaches 4.5 : 1.
    pub fn ink(self) -> Colour {
        [WHITE, INK, BLACK]
            .into_iter()
            .find(|ink| self.contrast(*ink) >= TEXT_CONTRAST)
            .expect("white or black reaches 4.58 : 1 against any colour")
    }

    /// The nearest shade of this colour towards `pole` that has `ratio` against all of `grounds`.
    fn readable_on(self, grounds: &[Colour], pole: Colour, ratio: f64) -> Colour {
        (0..=50)
            .map(|step| self.mixed_with(pole, f64::from(step) / 50.0))
            .find(|shade| grounds.iter().all(|ground| shade.contrast(*ground) >= ratio))
            .unwrap_or(pole)
    }

    /// A shade for hovering that is not harder to read than the colour itself.
    fn deeper(self) -> Colour {
        let pole = if self.ink() == WHITE { BLACK } else { WHITE };
        self.mixed_with(pole, 0.18)
    }
}

/// How headings are set. Faces of the reader's own system; nothing is downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FontChoice {
    /// A book face: quiet, made for long use.
    #[default]
    Classic,
    /// A slab: louder, club-house boards.
    Sturdy,
    /// The face of the text for headings too.
    Plain,
}

impl FontChoice {
    fn stack(self) -> &'static str {
        match self {
            FontChoice::Classic => {
                r#""Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",P052,"Book Antiqua",Georgia,"Noto Serif Devanagari",serif"#
            }
            FontChoice::Sturdy => {
                r#"Rockwell,"Rockwell Nova","Roboto Slab","DejaVu Serif","Sitka Small","Noto Serif Devanagari",serif"#
            }
            FontChoice::Plain => "var(--sans)",
        }
    }
}

/// What a tenant chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branding {
    /// The one strong colour.
    pub primary: Colour,
    /// The colour of the single action; ball red unless the tenant has its own.
    pub accent: Colour,
    pub font: FontChoice,
}

impl Branding {
    pub fn new(primary: Colour) -> Branding {
        Branding { primary, accent: BALL_RED, font: FontChoice::default() }
    }
}

/// The tenant's custom properties for both schemes.
pub fn branding_css(branding: &Branding) -> String {
    let light = scheme(branding, &[GROUND, GROUND_SUNK], BLACK);
    let dark = scheme(branding, &[GROUND_DARK, GROUND_SUNK_DARK], WHITE);
    format!(
        ":root{{--display:{};{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}",
        branding.font.stack()
    )
}

/// Everything a page of this tenant is styled by, in one file: one request blocks the first paint.
pub fn stylesheet(branding: &Branding) -> String {
    let sheet = assets::text("storefront/shop.css").expect("the style sheet is embedded");
    format!("{}\n{sheet}", branding_css(branding))
}

fn scheme(branding: &Branding, grounds: &[Colour], pole: Colour) -> String {
    let brand = branding.primary;
    let accent = branding.accent.readable_on(grounds, pole, EDGE_CONTRAST);
    let properties = [
        ("brand", brand),
        ("brand-ink", brand.ink()),
        ("brand-deep", brand.deeper()),
        ("brand-text", brand.readable_on(grounds, pole, TEXT_CONTRAST)),
        ("brand-soft", grounds[0].mixed_with(brand, 0.10)),
        ("accent", accent),
        ("accent-ink", accent.ink()),
        ("accent-deep", accent.deeper()),
        ("accent-text", accent.readable_on(grounds, pole, TEXT_CONTRAST)),
    ];
    properties.map(|(name, colour)| format!("--{name}:{};", colour.hex())).concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn contrast_is_that_of_the_standard() {
        let cases = [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#ffffff", 1.0),
            ("#777777", "#ffffff", 4.48),
            ("#767676", "#ffffff", 4.54),
            ("#ff0000", "#ffffff", 4.00),
            ("#0000ff", "#ffffff", 8.59),
            ("#ffff00", "#000000", 19.56),
        ];
        for (one, two, expected) in cases {
            let ratio = Colour::parse(one).unwrap().contrast(Colour::parse(two).unwrap());
            assert!((ratio - expected).abs() < 0.01, "{one} on {two}: {ratio}");
        }
    }

    #[test]
    fn a_colour_is_read_or_refused() {
        assert_eq!(Colour::parse("#1f5c3d"), Ok(Colour::new(0x1f, 0x5c, 0x3d)));
        assert_eq!(Colour::parse("#abc"), Ok(Colour::new(0xaa, 0xbb, 0xcc)));
        for value in ["1f5c3d", "#12345", "#12345g", "#+12345", "red", "#", "#ééé", "#000;}body{"] {
            assert!(Colour::parse(value).is_err(), "{value}");
        }
    }

    #[test]
    fn paper_is_the_same_in_the_style_sheet() {
        let sheet = assets::text("storefront/shop.css").unwrap();
        for ground in [GROUND, GROUND_DARK, GROUND_SUNK, GROUND_SUNK_DARK] {
            assert!(sheet.contains(&ground.hex()), "{} is not in shop.css", ground.hex());
        }
    }

    /// Reads a property of one scheme back from the sheet.
    fn property(css: &str, dark: bool, name: &str) -> Colour {
        let scheme = css.split("@media").nth(usize::from(dark)).unwrap();
        let value = scheme.split(&format!("--{name}:")).nth(1).unwrap();
        Colour::parse(&value[..7]).unwrap()
    }

    fn any_colour() -> impl Strategy<Value = Colour> {
        any::<(u8, u8, u8)>().prop_map(|(red, green, blue)| Colour { red, green, blue })
    }

    proptest! {
        #[test]
        fn whatever_a_merchant_picks_can_be_read(primary in any_colour(), accent in any_colour()) {
            let css = branding_css(&Branding { primary, accent, font: FontChoice::Classic });
            for (dark, grounds) in [(false, [GROUND, GROUND_SUNK]), (true, [GROUND_DARK, GROUND_SUNK_DARK])] {
                let get = |name| property(&css, dark, name);
                for (text, under) in [
                    ("brand-ink", "brand"),
                    ("brand-ink", "brand-deep"),
                    ("accent-ink", "accent"),
                    ("accent-ink", "accent-deep"),
                ] {
                    prop_assert!(get(text).contrast(get(under)) >= 4.5, "{text} on {under} in {css}");
                }
                for ground in grounds {
                    prop_assert!(get("brand-text").contrast(ground) >= 4.5);
                    prop_assert!(get("accent-text").contrast(ground) >= 4.5);
                    prop_assert!(get("accent").contrast(ground) >= 3.0);
                }
            }
        }
    }
}

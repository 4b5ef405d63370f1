//! A tenant's colours and type, as one style sheet.
//!
//! A merchant picks a colour, not a contrast. From each colour this module derives what may stand on
//! it and what of it may stand on paper, so that text always reaches 4.5 : 1 (WCAG 2.2, 1.4.3) in
//! both schemes. Only parsed colours and listed type faces reach the sheet: no text of a merchant.

use crate::assets;
use crate::colour::{BLACK, TEXT_CONTRAST, WHITE};
pub use crate::colour::{Colour, NotAColour};

/// The paper pages are printed on, and the same at night. `shop.css` uses the same values.
pub const GROUND: Colour = Colour::new(0xfb, 0xf9, 0xf4);
pub const GROUND_DARK: Colour = Colour::new(0x17, 0x16, 0x13);
/// The tinted paper behind pictures and panels: the less friendly of the two grounds for text.
pub const GROUND_SUNK: Colour = Colour::new(0xf2, 0xee, 0xe4);
pub const GROUND_SUNK_DARK: Colour = Colour::new(0x21, 0x1f, 0x1a);
/// The leather of a new ball: the single action of a page.
pub const BALL_RED: Colour = Colour::new(0xa8, 0x20, 0x1a);

/// What the edge of a control needs against the page.
const EDGE_CONTRAST: f64 = 3.0;

impl Colour {
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

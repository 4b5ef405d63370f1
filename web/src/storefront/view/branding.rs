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

/// A band that stands out less than this from the ground is paper as well.
const PAPER_CONTRAST_MAX: f64 = 1.3;

/// The edge of a control on paper.
const EDGE: Colour = Colour::new(0x85, 0x7c, 0x6a);

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
    /// Round ends: friendly.
    Rounded,
    /// The face of the text for headings too.
    Plain,
    /// A face of printed books, for the text too.
    Bookish,
}

impl FontChoice {
    fn stack(self) -> &'static str {
        match self {
            FontChoice::Classic => {
                r#""Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",P052,"Book Antiqua",Georgia,"Noto Serif Devanagari",serif"#
            }
            FontChoice::Rounded => {
                r#"ui-rounded,"Hiragino Maru Gothic ProN",Quicksand,Comfortaa,"Baloo 2","Arial Rounded MT Bold",Nunito,Calibri,var(--sans)"#
            }
            FontChoice::Plain => "var(--sans)",
            FontChoice::Bookish => {
                r#"Charter,"Bitstream Charter","Sitka Text",Cambria,"Liberation Serif","Noto Serif","Noto Serif Devanagari",serif"#
            }
        }
    }

    /// The face of the text.
    fn text(self) -> &'static str {
        match self {
            FontChoice::Bookish => self.stack(),
            FontChoice::Classic | FontChoice::Rounded | FontChoice::Plain => "var(--sans)",
        }
    }
}

/// What a tenant chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Branding {
    /// The one strong colour.
    pub primary: Colour,
    /// Behind the shop's name.
    pub header: Colour,
    /// The colour of the single action; ball red unless the tenant has its own.
    pub accent: Colour,
    pub font: FontChoice,
}

impl Branding {
    pub fn new(primary: Colour) -> Branding {
        Branding { primary, header: GROUND, accent: BALL_RED, font: FontChoice::default() }
    }
}

/// The tenant's custom properties for both schemes.
pub fn branding_css(branding: &Branding) -> String {
    let light = scheme(branding, &[GROUND, GROUND_SUNK], BLACK);
    let dark = scheme(branding, &[GROUND_DARK, GROUND_SUNK_DARK], WHITE);
    format!(
        ":root{{--display:{};--text:{};{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}",
        branding.font.stack(),
        branding.font.text()
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
    let head = if pole == WHITE { by_night(branding.header) } else { branding.header };
    let head_pole = if head.ink() == WHITE { WHITE } else { BLACK };
    // On paper the name keeps a shade of the brand; on a band of another colour that would be a muddy one.
    let head_brand = match head.contrast(grounds[0]) < PAPER_CONTRAST_MAX {
        true => brand.readable_on(&[head], head_pole, TEXT_CONTRAST),
        false if brand.contrast(head) >= TEXT_CONTRAST => brand,
        false => head.ink(),
    };
    let properties = [
        ("brand", brand),
        ("brand-ink", brand.ink()),
        ("brand-deep", brand.deeper()),
        ("brand-text", brand.readable_on(grounds, pole, TEXT_CONTRAST)),
        ("brand-soft", grounds[0].mixed_with(brand, 0.10)),
        ("head", head),
        ("head-ink", head.ink()),
        ("head-brand", head_brand),
        ("head-edge", EDGE.readable_on(&[head], head_pole, EDGE_CONTRAST)),
        ("accent", accent),
        ("accent-ink", accent.ink()),
        ("accent-deep", accent.deeper()),
        ("accent-text", accent.readable_on(grounds, pole, TEXT_CONTRAST)),
    ];
    properties.map(|(name, colour)| format!("--{name}:{};", colour.hex())).concat()
}

/// The band in the dark scheme: a pale one would glare, and is the night's paper instead.
fn by_night(header: Colour) -> Colour {
    if header.ink() == WHITE { header } else { GROUND_DARK }
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

    #[test]
    fn every_choice_of_type_looks_different() {
        let choices = [FontChoice::Classic, FontChoice::Rounded, FontChoice::Plain, FontChoice::Bookish];
        let sheets = choices.map(|font| branding_css(&Branding { font, ..Branding::new(BALL_RED) }));
        let different: std::collections::BTreeSet<_> = sheets.iter().collect();
        assert_eq!(different.len(), choices.len());
        assert!(sheets[3].contains("--text:Charter"), "the text of a bookish shop is set in a serif too");
    }

    #[test]
    fn the_band_is_as_the_merchant_wants_it_and_does_not_glare_at_night() {
        let band = |header| branding_css(&Branding { header, ..Branding::new(BALL_RED) });
        let (green, white) = (Colour::new(0x1f, 0x3d, 0x2b), WHITE);
        for (header, dark, expected) in
            [(green, false, green), (green, true, green), (white, false, white), (white, true, GROUND_DARK)]
        {
            assert_eq!(property(&band(header), dark, "head"), expected, "{header:?} {dark}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_merchant_picks_can_be_read(
            primary in any_colour(),
            header in any_colour(),
            accent in any_colour(),
        ) {
            let css = branding_css(&Branding { primary, header, accent, font: FontChoice::Classic });
            for (dark, grounds) in [(false, [GROUND, GROUND_SUNK]), (true, [GROUND_DARK, GROUND_SUNK_DARK])] {
                let get = |name| property(&css, dark, name);
                for (text, under) in [
                    ("brand-ink", "brand"),
                    ("brand-ink", "brand-deep"),
                    ("accent-ink", "accent"),
                    ("accent-ink", "accent-deep"),
                    ("head-ink", "head"),
                    ("head-brand", "head"),
                ] {
                    prop_assert!(get(text).contrast(get(under)) >= 4.5, "{text} on {under} in {css}");
                }
                prop_assert!(get("head-edge").contrast(get("head")) >= 3.0);
                for ground in grounds {
                    prop_assert!(get("brand-text").contrast(ground) >= 4.5);
                    prop_assert!(get("accent-text").contrast(ground) >= 4.5);
                    prop_assert!(get("accent").contrast(ground) >= 3.0);
                }
            }
        }
    }
}

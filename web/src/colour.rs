//! Colours and how well they can be told apart (WCAG 2.2).

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

pub const WHITE: Colour = Colour::new(0xff, 0xff, 0xff);
pub const BLACK: Colour = Colour::new(0, 0, 0);

/// The colour of print.
pub const INK: Colour = Colour::new(0x1c, 0x1b, 0x17);

/// What text needs against what it stands on.
pub const TEXT_CONTRAST: f64 = 4.5;

impl Colour {
    pub const fn new(red: u8, green: u8, blue: u8) -> Colour {
        Colour { red, green, blue }
    }

    /// Reads `#rrggbb` or `#rgb`.
    pub fn parse(value: &str) -> Result<Colour, NotAColour> {
        let refuse = || NotAColour { value: value.to_owned() };
        let digits = value.strip_prefix('#').ok_or_else(refuse)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        let six = match digits.len() {
            6 => digits.to_owned(),
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => return Err(refuse()),
        };
        let [_, red, green, blue] = u32::from_str_radix(&six, 16).map_err(|_| refuse())?.to_be_bytes();
        Ok(Colour { red, green, blue })
    }

    /// `#rrggbb`
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }

    /// Relative luminance, 0 to 1.
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

    /// What to write on this colour: white where it can be read, else ink, else plain black,
    /// one of which always reaches 4.5 : 1.
    pub fn ink(self) -> Colour {
        [WHITE, INK, BLACK]
            .into_iter()
            .find(|ink| self.contrast(*ink) >= TEXT_CONTRAST)
            .expect("white or black reaches 4.58 : 1 against any colour")
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
}

#[cfg(test)]
mod tests {
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
}

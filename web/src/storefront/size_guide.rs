//! Which size fits, by height: what the trade goes by for bats, pads, gloves and clothing.
//!
//! A guide belongs to a type of product. It is shown where at least one size that can be chosen is one of its
//! rows; sizes that a shop calls by names of its own are not guessed at.

use super::view::product::{OptionGroup, SizeGuide, SizeRow};
use crate::l10n::Text;
use gearify_commerce::Code;

/// Lengths in one unit; an end that is missing is open.
type Span = (Option<u32>, Option<u32>);

/// A row: what the size is called in addresses, what it is called, for which height in inches, and the second
/// measure of the guide.
struct Size {
    codes: &'static [&'static str],
    name: fn(Text) -> &'static str,
    inches: Span,
    second: Span,
}

/// What is measured besides the height.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    Nothing,
    /// From the wrist to the tip of the middle finger, in millimetres.
    Hand,
    /// In inches.
    Chest,
}

struct Guide {
    sizes: &'static [Size],
    second: Second,
    note: fn(Text) -> &'static str,
}

const NONE: Span = (None, None);

const fn to(end: u32) -> Span {
    (None, Some(end))
}

const fn between(start: u32, end: u32) -> Span {
    (Some(start), Some(end))
}

const fn over(start: u32) -> Span {
    (Some(start), None)
}

const fn size(
    codes: &'static [&'static str],
    name: fn(Text) -> &'static str,
    inches: Span,
    second: Span,
) -> Size {
    Size { codes, name, inches, second }
}

const BAT: Guide = Guide {
    sizes: &[
        size(&["0", "size_0"], |_| "0", to(48), NONE),
        size(&["1", "size_1"], |_| "1", between(48, 51), NONE),
        size(&["2", "size_2"], |_| "2", between(51, 54), NONE),
        size(&["3", "size_3"], |_| "3", between(54, 57), NONE),
        size(&["4", "size_4"], |_| "4", between(57, 59), NONE),
        size(&["5", "size_5"], |_| "5", between(59, 62), NONE),
        size(&["6", "size_6"], |_| "6", between(62, 64), NONE),
        size(&["harrow", "h"], Text::size_harrow, between(64, 66), NONE),
        size(&["sh", "short_handle"], Text::size_short_handle, between(66, 74), NONE),
        size(&["lh", "long_handle"], Text::size_long_handle, over(74), NONE),
    ],
    second: Second::Nothing,
    note: Text::size_note_bat,
};

const PAD: Guide = Guide {
    sizes: &[
        size(&["boys", "junior"], Text::size_boys, to(57), NONE),
        size(&["youth"], Text::size_youth, between(57, 64), NONE),
        size(&["men", "mens", "adult"], Text::size_men, between(64, 74), NONE),
        size(&["men_l", "mens_l", "adult_l"], Text::size_men_large, over(74), NONE),
    ],
    second: Second::Nothing,
    note: Text::size_note_pad,
};

const GLOVE: Guide = Guide {
    sizes: &[
        size(&["boys", "junior"], Text::size_boys, to(57), between(165, 175)),
        size(&["youth"], Text::size_youth, between(57, 64), between(175, 190)),
        size(&["men", "mens", "adult"], Text::size_men, between(64, 74), between(190, 210)),
        size(&["men_l", "mens_l", "adult_l"], Text::size_men_large, over(74), over(210)),
    ],
    second: Second::Hand,
    note: Text::size_note_glove,
};

const CLOTHING: Guide = Guide {
    sizes: &[
        size(&["xs"], |_| "XS", between(63, 66), between(34, 36)),
        size(&["s"], |_| "S", between(66, 68), between(36, 38)),
        size(&["m"], |_| "M", between(68, 70), between(38, 40)),
        size(&["l"], |_| "L", between(70, 72), between(40, 42)),
        size(&["xl"], |_| "XL", between(72, 74), between(42, 44)),
        size(&["xxl", "2xl"], |_| "XXL", over(74), between(44, 46)),
    ],
    second: Second::Chest,
    note: Text::size_note_clothing,
};

fn guide_of(product_type: &Code) -> Option<&'static Guide> {
    match product_type.as_str() {
        "bat" | "bats" => Some(&BAT),
        "pad" | "pads" | "batting_pads" => Some(&PAD),
        "glove" | "gloves" | "batting_gloves" => Some(&GLOVE),
        "clothing" | "clothes" | "whites" => Some(&CLOTHING),
        _ => None,
    }
}

/// The guide beside the sizes of a product, if there is one for them.
pub fn of(t: Text, product_type: &Code, options: &[OptionGroup]) -> Option<SizeGuide> {
    let guide = guide_of(product_type)?;
    let is_size = |option: &&OptionGroup| option.code == "size" || option.code.ends_with("_size");
    let option = options.iter().find(is_size)?;
    let rows: Vec<SizeRow> = guide.sizes.iter().map(|size| row(t, guide.second, size, option)).collect();
    rows.iter().any(|row| row.offered).then(|| SizeGuide {
        option: option.code.clone(),
        heads: heads(t, guide.second),
        rows,
        note: (guide.note)(t).to_owned(),
    })
}

fn heads(t: Text, second: Second) -> Vec<String> {
    let height = t.size_height();
    let mut heads = vec![t.size_head().to_owned(), format!("{height}, cm"), height.to_owned()];
    match second {
        Second::Nothing => {}
        Second::Hand => heads.push(format!("{}, cm", t.size_hand())),
        Second::Chest => {
            heads.extend([format!("{}, cm", t.size_chest()), format!("{}, in", t.size_chest())]);
        }
    }
    heads
}

fn row(t: Text, second: Second, size: &Size, option: &OptionGroup) -> SizeRow {
    // The shop's own word for a size that can be chosen here.
    let offered = option.values.iter().find(|value| size.codes.contains(&value.code.as_str()));
    let name = offered.map_or_else(|| (size.name)(t).to_owned(), |value| value.label.clone());
    let whole = |number: u32| t.locale().integer(number.into());
    let cm = |inches: u32| whole(centimetres(inches));
    let mut cells = vec![name, told(t, size.inches, &cm), told(t, size.inches, &|inches| feet(t, inches))];
    match second {
        Second::Nothing => {}
        Second::Hand => cells.push(told(t, size.second, &|mm| format!("{}.{}", mm / 10, mm % 10))),
        Second::Chest => cells.extend([told(t, size.second, &cm), told(t, size.second, &whole)]),
    }
    SizeRow { cells, offered: offered.is_some() }
}

/// To the nearest whole one.
fn centimetres(inches: u32) -> u32 {
    (inches * 254 + 50) / 100
}

fn feet(t: Text, inches: u32) -> String {
    match inches % 12 {
        0 => t.size_feet(inches / 12),
        rest => t.size_feet_inches(inches / 12, rest),
    }
}

fn told(t: Text, span: Span, word: &dyn Fn(u32) -> String) -> String {
    match span {
        (None, None) => String::new(),
        (None, Some(end)) => t.size_up_to(word(end)),
        (Some(start), None) => t.size_over(word(start)),
        (Some(start), Some(end)) => format!("{} – {}", word(start), word(end)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::parts::Availability;
    use super::super::view::product::OptionValue;
    use super::*;
    use crate::l10n::Locale;

    fn sizes(codes: &[&str]) -> Vec<OptionGroup> {
        let value = |code: &&str| OptionValue {
            code: (*code).to_owned(),
            label: format!("Our {code}"),
            detail: None,
            selected: false,
            combines: true,
            availability: Availability::InStock,
        };
        let values = codes.iter().map(value).collect();
        vec![OptionGroup { code: "size".into(), label: "Size".into(), values, hint: None }]
    }

    fn guide(product_type: &str, codes: &[&str]) -> Option<SizeGuide> {
        of(Locale::EN_GB.text(), &Code::parse(product_type).unwrap(), &sizes(codes))
    }

    #[test]
    fn a_bats_size_goes_by_height_and_is_called_as_the_shop_calls_it() {
        let guide = guide("bat", &["sh", "6"]).unwrap();
        let told = |row: usize| guide.rows[row].cells.join(" | ");
        assert_eq!(guide.heads.join(" | "), "Size | Height, cm | Height");
        assert_eq!(told(0), "0 | up to 122 | up to 4 ft");
        assert_eq!(told(6), "Our 6 | 157 – 163 | 5 ft 2 in – 5 ft 4 in");
        assert_eq!(told(8), "Our sh | 168 – 188 | 5 ft 6 in – 6 ft 2 in");
        assert_eq!(told(9), "Long Handle | over 188 | over 6 ft 2 in");
        let offered: Vec<usize> = (0..10).filter(|row| guide.rows[*row].offered).collect();
        assert_eq!(offered, [6, 8]);
    }

    #[test]
    fn each_guide_has_a_cell_for_every_head_and_leaves_no_height_out() {
        for (product_type, code) in [("bat", "sh"), ("pad", "men"), ("glove", "youth"), ("clothing", "m")] {
            let shown = guide(product_type, &[code]).unwrap();
            assert!(shown.rows.iter().all(|row| row.cells.len() == shown.heads.len()), "{product_type}");
            assert!(
                shown.rows.iter().flat_map(|row| &row.cells).all(|cell| !cell.is_empty()),
                "{product_type}"
            );
            let known = guide_of(&Code::parse(product_type).unwrap()).unwrap();
            for pair in known.sizes.windows(2) {
                assert_eq!(pair[0].inches.1, pair[1].inches.0, "{product_type}");
            }
        }
    }

    #[test]
    fn what_has_sizes_of_its_own_kind_has_no_guide() {
        assert!(guide("bat", &["limited"]).is_none());
        assert!(guide("clothing", &["s_m", "l_xl"]).is_none(), "a cap goes by the head");
        assert!(guide("helmet", &["s"]).is_none());
        assert!(of(Locale::EN_GB.text(), &Code::parse("bat").unwrap(), &[]).is_none());
    }
}

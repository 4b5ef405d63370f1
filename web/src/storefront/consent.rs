//! Agreeing to be written to: an unticked box, and which words it stood beside.

use super::view::parts::{Field, FieldKind};
use crate::l10n::Text;

/// The box's name in forms.
pub const NAME: &str = "consent.marketing";
/// Of the words a shopper agrees to; another wording is another number.
pub const WORDING: &str = "1";

/// Off until it was ticked.
pub fn field(t: Text, given: bool) -> Field {
    let value = if given { "yes" } else { "" };
    Field::new(FieldKind::Tick, NAME, t.consent_marketing()).value(value).optional()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::l10n::Locale;

    /// Every wording that was ever shown, by its number.
    const WORDINGS: [(&str, &str, &str); 1] = [(
        "1",
        "Tell me by e-mail about new things and reductions. I can take this back at any time.",
        "नई चीज़ों और छूट के बारे में ई-मेल से बताएँ। मैं इसे कभी भी वापस ले सकता/सकती हूँ।",
    )];

    #[test]
    fn words_that_change_have_another_number() {
        let words = |locale: Locale| locale.text().consent_marketing();
        let shown = (WORDING, words(Locale::EN_GB), words(Locale::HI_IN));
        assert_eq!(*WORDINGS.last().unwrap(), shown, "add the new words under a new number");
    }
}

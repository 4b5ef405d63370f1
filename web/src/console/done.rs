//! What was just done, as a closed list: a redirect carries the word, the next page says the sentence.
//!
//! The address holds no text of its own, so that a link can't put words into the console's mouth.

macro_rules! done {
    ($($name:ident = $word:literal, $one:literal $(, $many:literal)?;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Done { $($name),+ }

        impl Done {
            pub const ALL: &'static [Done] = &[$(Done::$name),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Done::$name => $word),+ }
            }

            pub fn parse(text: &str) -> Option<Done> {
                Done::ALL.iter().copied().find(|done| done.as_str() == text)
            }

            /// The sentence; a count of zero means there is none to tell.
            pub fn words(self, count: u64) -> String {
                match self {
                    $(Done::$name => {
                        #[allow(unused_mut, unused_assignments, reason = "only some sentences count")]
                        let mut many: Option<&str> = None;
                        $(many = Some($many);)?
                        match many {
                            Some(many) if count > 1 => many.replace("{}", &crate::console::words::grouped(count)),
                            _ => $one.to_owned(),
                        }
                    })+
                }
            }
        }
    };
}

done! {
    Saved = "saved", "Saved.";
    Kept = "kept", "The view is kept; it is a tab of this list now.";
    Created = "created", "Created.";
    Shipped = "shipped", "The shipment is saved and the customer is told.", "{} orders are shipped and their customers are told.";
    Delivered = "delivered", "The shipment is marked as delivered.";
    Refunded = "refunded", "The refund is under way.";
    Cancelled = "cancelled", "The order is cancelled; its stock is free again.";
    Noted = "noted", "The note is saved.";
    Received = "received", "The payment is marked as received.";
    Published = "published", "Published: shoppers see it now.", "{} products are published.";
    Unpublished = "unpublished", "Taken off the shop; it is a draft now.", "{} products are drafts now.";
    Priced = "priced", "The price is changed.", "{} prices are changed.";
    Archived = "archived", "Archived. Orders go on referring to it.", "{} are archived.";
    Restored = "restored", "Back in use.";
    Copied = "copied", "This is the copy, a draft. Change what differs.";
    Uploaded = "uploaded", "The picture is saved.", "{} pictures are saved.";
    Removed = "removed", "Removed.";
    Adjusted = "adjusted", "The stock is adjusted.";
    SheetSaved = "sheet-saved", "The sheet is saved.", "{} cells are saved.";
    Moved = "moved", "The pieces are moved.";
    Deactivated = "deactivated", "Deactivated: they can't sign in any more.";
    Reactivated = "reactivated", "They can sign in again.";
    Suspended = "suspended", "The shop is suspended.";
    Resumed = "resumed", "The shop is open again.";
    SignedOut = "signed-out", "You are signed out.";
    PasswordSet = "password-set", "Your password is set. Welcome.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_and_counts_are_told() {
        for done in Done::ALL {
            assert_eq!(Done::parse(done.as_str()), Some(*done));
        }
        assert_eq!(Done::Published.words(3), "3 products are published.");
        assert_eq!(Done::Published.words(1), "Published: shoppers see it now.");
        assert_eq!(Done::parse("<script>"), None);
    }
}

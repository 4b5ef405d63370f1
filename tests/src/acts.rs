//! The words of stories: who does what.

/// Somebody in the story, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shopper(pub String);

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub enum Act {
    Adds {
        who: Shopper,
        sku: String,
        quantity: u32,
        add_ons: Vec<String>,
    },
    /// Gives contact and address, and chooses the delivery.
    GivesAddress {
        who: Shopper,
    },
    Reserves {
        who: Shopper,
    },
    /// Everything up to the paid order, with a test token.
    Pays {
        who: Shopper,
        token: String,
    },
    /// Places the order to be paid by bank transfer.
    PaysLater {
        who: Shopper,
    },
    /// Another try for the placed order.
    TriesAgain {
        who: Shopper,
        token: String,
    },
    /// Chooses a bank transfer for the placed order.
    TransfersInstead {
        who: Shopper,
    },
    /// The provider's late word on a pending payment.
    ProviderSays {
        who: Shopper,
        captured: bool,
    },
    /// The provider's word on any attempt to pay, counted from 0.
    ProviderSpeaks {
        who: Shopper,
        attempt: usize,
        word: Word,
    },
    /// Looks a product up.
    Looks {
        who: Shopper,
        sku: String,
    },
    OwnerCancels {
        who: Shopper,
    },
    /// Sends a line of the order, counted from 0, from another warehouse, by its place in the list.
    OwnerMoves {
        who: Shopper,
        line: usize,
        to: usize,
    },
    OwnerShips {
        who: Shopper,
        pieces: Option<u32>,
    },
    OwnerMarksDelivered {
        who: Shopper,
    },
    OwnerMarksReceived {
        who: Shopper,
    },
    /// Of a line of the order, counted from 0.
    OwnerRefunds {
        who: Shopper,
        line: usize,
        pieces: u32,
        restock: bool,
    },
    OwnerRefundsShipping {
        who: Shopper,
    },
    /// Gives so many minor units back, for no part of the order.
    OwnerGivesGoodwill {
        who: Shopper,
        minor: i64,
    },
    Minutes(i64),
}

/// What a provider may say of an attempt to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Captured,
    /// No more than these minor units.
    CapturedPart(i64),
    Authorised,
    Declined,
}

impl Shopper {
    pub fn adds(&self, sku: &str, quantity: u32) -> Act {
        Act::Adds { who: self.clone(), sku: sku.into(), quantity, add_ons: Vec::new() }
    }

    pub fn adds_with(&self, sku: &str, quantity: u32, add_on: &str) -> Act {
        Act::Adds { who: self.clone(), sku: sku.into(), quantity, add_ons: vec![add_on.into()] }
    }

    pub fn gives_address(&self) -> Act {
        Act::GivesAddress { who: self.clone() }
    }

    pub fn reserves(&self) -> Act {
        Act::Reserves { who: self.clone() }
    }

    pub fn pays(&self) -> Act {
        self.pays_with("tok_ok")
    }

    pub fn pays_with(&self, token: &str) -> Act {
        Act::Pays { who: self.clone(), token: token.into() }
    }

    pub fn pays_later(&self) -> Act {
        Act::PaysLater { who: self.clone() }
    }

    pub fn tries_again(&self, token: &str) -> Act {
        Act::TriesAgain { who: self.clone(), token: token.into() }
    }

    pub fn transfers_instead(&self) -> Act {
        Act::TransfersInstead { who: self.clone() }
    }

    pub fn hears(&self, attempt: usize, word: Word) -> Act {
        Act::ProviderSpeaks { who: self.clone(), attempt, word }
    }

    pub fn looks_at(&self, sku: &str) -> Act {
        Act::Looks { who: self.clone(), sku: sku.into() }
    }
}

/// The owner, about the order of a shopper.
pub mod owner {
    use super::{Act, Shopper};

    pub fn cancels(who: &Shopper) -> Act {
        Act::OwnerCancels { who: who.clone() }
    }

    pub fn moves(who: &Shopper, line: usize, to: usize) -> Act {
        Act::OwnerMoves { who: who.clone(), line, to }
    }

    pub fn ships(who: &Shopper) -> Act {
        Act::OwnerShips { who: who.clone(), pieces: None }
    }

    pub fn ships_some(who: &Shopper, pieces: u32) -> Act {
        Act::OwnerShips { who: who.clone(), pieces: Some(pieces) }
    }

    pub fn marks_delivered(who: &Shopper) -> Act {
        Act::OwnerMarksDelivered { who: who.clone() }
    }

    pub fn marks_received(who: &Shopper) -> Act {
        Act::OwnerMarksReceived { who: who.clone() }
    }

    pub fn refunds(who: &Shopper, pieces: u32, restock: bool) -> Act {
        refunds_of(who, 0, pieces, restock)
    }

    pub fn refunds_of(who: &Shopper, line: usize, pieces: u32, restock: bool) -> Act {
        Act::OwnerRefunds { who: who.clone(), line, pieces, restock }
    }

    pub fn refunds_shipping(who: &Shopper) -> Act {
        Act::OwnerRefundsShipping { who: who.clone() }
    }

    pub fn gives_goodwill(who: &Shopper, minor: i64) -> Act {
        Act::OwnerGivesGoodwill { who: who.clone(), minor }
    }
}

/// The name of a shopper's intention to order: sent twice, it is one order.
pub fn placing_key(who: &Shopper) -> String {
    format!("{} places", who.0)
}

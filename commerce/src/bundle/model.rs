//! Records and values.

use crate::scope::{Table, View};
use serde::{Deserialize, Serialize};

/// Names one arrival. Later ones are greater: an older one that comes late changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ArrivalId(pub u128);

/// The key of a row after the scope's prefix, and its value.
pub type SiteRow = (Vec<u8>, Vec<u8>);

/// The last arrival of a site, under way or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    pub id: ArrivalId,
    /// The step whose turn it is.
    pub next: u64,
    pub is_over: bool,
}
gearify_storage::first_version!(Arrival);

/// Of the scope itself in every group, like tags 0 to 9.
pub(crate) const ARRIVAL: Table<(), Arrival> = Table::new(10);

/// The last arrival of this site, if there ever was one.
pub fn arrival(view: &(impl View + ?Sized)) -> Option<Arrival> {
    ARRIVAL.get(view, &())
}

/// Whether the site is arriving: nothing else may be written to it.
pub fn is_arriving(view: &(impl View + ?Sized)) -> bool {
    arrival(view).is_some_and(|arrival| !arrival.is_over)
}

//! What searching in a shop is like, told on a small cricket range, and properties of it.

mod keeping;
mod properties;
mod range;
mod shelves;
mod words;

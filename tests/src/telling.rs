//! How a story is told, whatever it is told on.

use crate::acts::{Act, Shopper};
use gearify_commerce::WarehouseId;
use gearify_commerce::catalog::Policy;
use gearify_commerce::orders::{Order, Papers};

/// A shop in which a story happens: the scene is set first, then people act.
pub trait Telling: Sized {
    /// A product at a price in pounds with pence: `"249.00"`.
    fn product(&mut self, sku: &str, pounds: &str) -> &mut Self;

    /// What happens when nothing of a product is left.
    fn policy(&mut self, sku: &str, policy: Policy) -> &mut Self;

    fn warehouse(&mut self, code: &str) -> &mut Self;

    /// Counts pieces into a warehouse, by its place in the list.
    fn stock_in(&mut self, sku: &str, warehouse: usize, pieces: i64) -> &mut Self;

    fn stock(&mut self, sku: &str, pieces: i64) -> &mut Self {
        self.stock_in(sku, 0, pieces)
    }

    fn add_on(&mut self, label: &str, pounds: &str) -> &mut Self;

    fn shopper(&mut self, name: &str) -> Shopper;

    fn run(&mut self, acts: impl IntoIterator<Item = Act>) -> &mut Self;

    /// What happened, a line an act.
    fn story(&self) -> String;

    fn order(&self, who: &Shopper) -> Order;

    /// Invoice and credit notes of somebody's order.
    fn papers(&self, who: &Shopper) -> Papers;

    /// Pieces of an SKU that can still be promised.
    fn available(&self, sku: &str) -> i64;

    fn warehouses(&self) -> Vec<WarehouseId>;
}

/// A price in a story, in minor units.
pub fn minor(pounds: &str) -> i64 {
    pounds.replace('.', "").parse().expect("a price in a story is a number")
}

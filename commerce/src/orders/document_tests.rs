//! Stories of papers: given what happens to an order, these invoices and credit notes.

use super::document::next_number as number;
use super::testing::{ORDER, Sold, seller};
use super::{Document, DocumentKind, PAPERS, Refusal, Seller};
use crate::payments::RefundOutcome;
use crate::version;

fn papers(sold: &Sold) -> Vec<Document> {
    PAPERS.get(&sold.shop.view(), &ORDER).map(|papers| papers.documents).unwrap_or_default()
}

/// Number, amount and tax of each.
fn told(sold: &Sold) -> Vec<(String, i64, i64)> {
    let tax = |document: &Document| document.taxes.iter().map(|tax| tax.amount).sum();
    let papers = papers(sold);
    papers.iter().map(|document| (document.number.to_string(), document.amount, tax(document))).collect()
}

fn paper(number: &str, amount: i64, tax: i64) -> (String, i64, i64) {
    (number.to_owned(), amount, tax)
}

#[test]
fn an_order_has_its_invoice_once_it_is_paid() {
    let mut sold = Sold::of([3, 0]);
    let first = sold.starts("test");
    sold.declines(first);
    assert_eq!(told(&sold), []);
    sold.pays();
    assert_eq!(told(&sold), [paper("INV-000001", 3_000, 500)]);
    let again = super::Command::IssueInvoice { order: ORDER };
    assert_eq!(sold.shop.refused(again), Refusal::NothingToIssue.into());
    sold.ships(3);
    assert_eq!(told(&sold).len(), 1, "shipping it issues nothing");
}

#[test]
fn what_comes_to_nothing_has_no_paper() {
    let mut lapsed = Sold::of([1, 0]);
    let part = lapsed.starts("test");
    lapsed.captures(part, 400);
    lapsed.lapses();
    let mut cancelled = Sold::of([1, 0]);
    cancelled.cancels();
    assert_eq!([told(&lapsed), told(&cancelled)], [vec![], vec![]]);
}

#[test]
fn each_refund_that_arrives_is_credited_with_its_tax_and_all_of_them_are_the_invoice() {
    let mut sold = Sold::of([7, 0]);
    sold.pays();
    for pieces in [1, 3, 2, 1] {
        sold.gives_back(pieces, false);
    }
    // The tax of 11.67 divides into no sevenths: the last one takes what is left.
    let expected = [
        paper("INV-000001", 7_000, 1_167),
        paper("CN-000001", 1_000, 167),
        paper("CN-000002", 3_000, 500),
        paper("CN-000003", 2_000, 333),
        paper("CN-000004", 1_000, 167),
    ];
    assert_eq!(told(&sold), expected);
    let taxable: Vec<i64> = papers(&sold).iter().map(|document| document.taxes[0].taxable).collect();
    assert_eq!(taxable[0], taxable[1..].iter().sum::<i64>());
}

#[test]
fn a_refund_that_fails_is_not_credited() {
    let mut sold = Sold::of([2, 0]);
    sold.pays();
    sold.asks_back(1, false);
    assert_eq!(told(&sold).len(), 1, "the money is on its way");
    sold.refunds_end(&RefundOutcome::Failed { reason: "closed account".into() });
    assert_eq!(told(&sold).len(), 1);
    sold.gives_back(1, false);
    assert_eq!(told(&sold)[1..], [paper("CN-000001", 1_000, 167)]);
}

#[test]
fn a_cancelled_order_is_credited_once_and_for_what_is_left() {
    let mut sold = Sold::of([2, 0]);
    sold.pays();
    sold.gives_back(1, false);
    sold.cancels();
    let expected =
        [paper("INV-000001", 2_000, 333), paper("CN-000001", 1_000, 167), paper("CN-000002", 1_000, 166)];
    assert_eq!(told(&sold), expected);
    let notes = papers(&sold);
    assert_eq!((notes[1].items.len(), notes[1].refund.is_some()), (1, true));
    assert_eq!((notes[2].items.len(), notes[2].refund), (0, None));
}

#[test]
fn money_that_was_paid_twice_is_no_part_of_the_price() {
    let mut sold = Sold::of([1, 0]);
    let late = sold.starts("test");
    sold.declines(late);
    sold.pays();
    sold.captures(late, 1_000);
    assert_eq!(sold.money(), [(1_000, 1_000), (1_000, 0)]);
    assert_eq!(told(&sold), [paper("INV-000001", 1_000, 167)]);
}

#[test]
fn a_legal_entity_keeps_its_numbers_wherever_it_moves_and_another_one_begins_anew() {
    let mut sold = Sold::of([1, 0]);
    let mut next = |kind, seller: &Seller| sold.shop.write(|scope| number(scope, kind, seller).to_string());
    let (invoice, credit) = (DocumentKind::Invoice, DocumentKind::CreditNote);
    let here = seller("GB 12 34");
    let moved = Seller { address: vec!["2 Oval Road".into()], ..seller("gb1234") };
    let unsaid = Seller { country: None, tax_id: None, ..here.clone() };
    assert_eq!(next(invoice, &here), "INV-000001");
    assert_eq!(next(invoice, &moved), "INV-000002");
    assert_eq!(next(credit, &here), "CN-000001");
    assert_eq!(next(invoice, &seller("GB 9")), "INV-2-000001");
    assert_eq!(next(credit, &unsaid), "CN-3-000001");
    assert_eq!(next(invoice, &here), "INV-000003");
}

#[test]
fn under_older_rules_there_are_no_papers() {
    let mut sold = Sold::under(version::ROSTER, [1, 0]);
    sold.pays();
    sold.cancels();
    assert_eq!(told(&sold), []);
    assert!(!sold.shop.story().contains(&"invoice.issued"));
}

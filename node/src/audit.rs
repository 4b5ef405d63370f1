//! What must add up in a shop's state, at every index: the one measure that stories, harnesses and
//! `gearify doctor --audit` share.
//!
//! Pieces: what is allocated is exactly what open orders want; what is reserved is exactly what carts hold; no
//! more is promised than is there, but for what was sold beyond stock; no more comes back than left. Money: an
//! order's paid sums are those of its payments, and no more of them is kept than its total; no payment captures
//! more than was asked, nor gives back more than it took; its refunds are the sum of theirs. Promises: a cart
//! becomes at most one order, and no number is given twice. Papers: invoices and credit notes are numbered without
//! gaps, and no more is credited than was invoiced, tax by tax.

use gearify_commerce::cart::{CARTS, StockNeed};
use gearify_commerce::inventory::{LEVELS, RESERVATIONS};
use gearify_commerce::orders::{Document, DocumentKind, ORDERS, Order, OrderStatus, PAPERS, Papers, SERIES};
use gearify_commerce::payments::{PAYMENTS, Payment, REFUNDS, RefundState};
use gearify_commerce::{PaymentId, ReadScope, Site, StockItemId, TenantId, WarehouseId, bundle, placement};
use gearify_storage::{Reader, StorageError};
use std::collections::{BTreeMap, BTreeSet};

/// Tenant and site, as keys begin.
const PREFIX_BYTES: usize = 18;

/// What was looked at, and what does not add up.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    pub sites: usize,
    pub orders: usize,
    pub payments: usize,
    pub levels: usize,
    /// Captured and given back, by payment.
    pub moved: BTreeMap<PaymentId, (i64, i64)>,
    /// One line each.
    pub wrong: Vec<String>,
}

impl Sums {
    fn add(&mut self, other: Sums) {
        self.sites += other.sites;
        self.orders += other.orders;
        self.payments += other.payments;
        self.levels += other.levels;
        self.moved.extend(other.moved);
        self.wrong.extend(other.wrong);
    }

    fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(otherwise());
        }
    }
}

/// Adds up every shop of a region's state.
///
/// # Errors
/// If rows can't be read.
pub fn region(rows: &dyn Reader) -> Result<Sums, StorageError> {
    let mut sums = Sums::default();
    for (tenant, site) in sites(rows)? {
        let view = ReadScope::new(rows, tenant, site);
        if is_held(&view) {
            sums.add(shop(&view));
        }
    }
    Ok(sums)
}

/// Whether this state answers for a site: one that has left, or has not all arrived, is another one's.
pub fn is_held(view: &ReadScope<'_>) -> bool {
    placement::moved_to(view).is_none() && !bundle::is_arriving(view)
}

/// Every tenant's site that has a row, found by leaping from one to the next.
pub fn sites(rows: &dyn Reader) -> Result<Vec<(TenantId, Site)>, StorageError> {
    let mut found = Vec::new();
    let mut from = Vec::new();
    while let Some((key, _)) = rows.scan(&from, &[crate::state::LOCAL], 1)?.into_iter().next() {
        let Some((tenant, rest)) = key.split_first_chunk::<16>() else { break };
        let Some((site, _)) = rest.split_first_chunk::<2>() else { break };
        found.push((TenantId::from_bits(u128::from_be_bytes(*tenant)), Site(u16::from_be_bytes(*site))));
        from = key[..PREFIX_BYTES].to_vec();
        // The next key that does not begin so: no tenant id is all ones.
        for byte in from.iter_mut().rev() {
            let carried;
            (*byte, carried) = byte.overflowing_add(1);
            if !carried {
                break;
            }
        }
    }
    Ok(found)
}

/// Adds up one shop's site.
pub fn shop(view: &ReadScope<'_>) -> Sums {
    let orders = ORDERS.list(view, &(), usize::MAX);
    let mut sums = Sums { sites: 1, orders: orders.len(), ..Sums::default() };
    pieces(view, &orders, &mut sums);
    money(view, &orders, &mut sums);
    promises(&orders, &mut sums);
    papers(view, &orders, &mut sums);
    sums
}

type Pieces = BTreeMap<(StockItemId, WarehouseId), i64>;

fn pieces(view: &ReadScope<'_>, orders: &[Order], sums: &mut Sums) {
    // Promised to orders and carts that may have what is not there yet.
    let mut beyond_stock = Pieces::new();
    let may_wait =
        |needs: &[StockNeed], item| needs.iter().any(|need| need.item == item && need.beyond_stock);
    let mut allocated = Pieces::new();
    for order in orders {
        let open = matches!(order.status, OrderStatus::Placed | OrderStatus::Confirmed);
        for line in &order.lines {
            for allocation in &line.allocations {
                sums.expect(open, || format!("order {} is over but still has stock set aside", order.number));
                let key = (allocation.item, allocation.warehouse);
                *allocated.entry(key).or_default() += i64::from(allocation.quantity);
                if may_wait(&line.needs, allocation.item) {
                    *beyond_stock.entry(key).or_default() += i64::from(allocation.quantity);
                }
            }
            let (returned, shipped) = (line.quantities.returned, line.quantities.shipped);
            sums.expect(returned <= shipped, || {
                format!("order {}: {returned} of {} came back, {shipped} left", order.number, line.sku)
            });
        }
    }
    let mut reserved = Pieces::new();
    for hold in RESERVATIONS.list(view, &(), usize::MAX) {
        let lines = CARTS.get(view, &hold.cart).map(|cart| cart.lines).unwrap_or_default();
        for taken in &hold.taken {
            let key = (taken.item, taken.warehouse);
            *reserved.entry(key).or_default() += i64::from(taken.quantity);
            if lines.iter().any(|line| may_wait(&line.stock, taken.item)) {
                *beyond_stock.entry(key).or_default() += i64::from(taken.quantity);
            }
        }
    }
    for (key, level) in LEVELS.rows(view, &(), usize::MAX) {
        sums.levels += 1;
        let halves = key.split_first_chunk::<16>();
        let key = halves.and_then(|(item, rest)| Some((item, rest.first_chunk::<16>()?)));
        let Some((item, warehouse)) = key else {
            sums.wrong.push("a stock level's key is not an item and a warehouse".to_owned());
            continue;
        };
        let (item, warehouse) = (u128::from_be_bytes(*item), u128::from_be_bytes(*warehouse));
        let key = (StockItemId::from_bits(item), WarehouseId::from_bits(warehouse));
        let (wanted, held) = (allocated.remove(&key).unwrap_or(0), reserved.remove(&key).unwrap_or(0));
        sums.expect(level.allocated == wanted, || {
            format!("of {}, {} are allocated and open orders want {wanted}", key.0, level.allocated)
        });
        sums.expect(level.reserved == held, || {
            format!("of {}, {} are reserved and carts hold {held}", key.0, level.reserved)
        });
        sums.expect(level.on_hand >= 0, || format!("{} fell below zero: {level:?}", key.0));
        // Pieces that are damaged or kept back since they were promised are a matter of the shop's.
        let short = level.reserved + level.allocated - level.on_hand;
        let may_be_short = beyond_stock.remove(&key).unwrap_or(0);
        sums.expect(short <= may_be_short, || {
            format!("{} is {short} short, and only {may_be_short} may be sold beyond stock: {level:?}", key.0)
        });
    }
    let nowhere = allocated.keys().chain(reserved.keys()).collect::<BTreeSet<_>>().len();
    sums.expect(nowhere == 0, || format!("{nowhere} promises are of pieces that lie nowhere"));
}

fn money(view: &ReadScope<'_>, orders: &[Order], sums: &mut Sums) {
    let mut payments: BTreeMap<_, Vec<Payment>> = BTreeMap::new();
    for payment in PAYMENTS.list(view, &(), usize::MAX) {
        payments.entry(payment.order).or_default().push(payment);
    }
    let mut refunds: BTreeMap<PaymentId, Refunds> = BTreeMap::new();
    for refund in REFUNDS.list(view, &(), usize::MAX) {
        let refunds = refunds.entry(refund.payment).or_default();
        match refund.state {
            RefundState::Pending => refunds.pending += refund.amount,
            RefundState::Succeeded => refunds.succeeded += refund.amount,
            RefundState::Failed => refunds.failed += refund.amount,
        }
    }
    for order in orders {
        let paid = payments.remove(&order.id).unwrap_or_default();
        let sum = |of: fn(&Payment) -> i64| paid.iter().map(of).sum::<i64>();
        let (captured, refunded) = (sum(|payment| payment.captured), sum(|payment| payment.refunded));
        let number = &order.number;
        sums.expect(order.paid.captured == captured, || {
            format!("order {number} says {} was captured, its payments {captured}", order.paid.captured)
        });
        sums.expect(order.paid.refunded == refunded, || {
            format!("order {number} says {} was refunded, its payments {refunded}", order.paid.refunded)
        });
        let is_confirmed = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Completed);
        sums.expect(!is_confirmed || order.paid.captured >= order.totals.total, || {
            format!("order {number} is confirmed but not paid")
        });
        // What a refund failed to give back is for a person to settle.
        let failed = |payment: &Payment| refunds.get(&payment.id).map_or(0, |refunds| refunds.failed);
        let failed: i64 = paid.iter().map(failed).sum();
        let kept: i64 = paid.iter().map(Payment::refundable).sum();
        let is_over = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Expired);
        let price = if is_over { 0 } else { order.totals.total };
        sums.expect(kept <= price + failed, || {
            let status = order.status.as_str();
            format!("of order {number}, which is {status} and costs {price}, {kept} is kept")
        });
        for payment in &paid {
            self::payment(payment, &refunds.remove(&payment.id).unwrap_or_default(), sums);
        }
    }
    let (orphans, strays) = (payments.len(), refunds.len());
    sums.expect(orphans == 0, || format!("{orphans} orders that do not exist have payments"));
    sums.expect(strays == 0, || format!("{strays} payments that do not exist have refunds"));
}

/// The sums of a payment's refunds.
#[derive(Debug, Default)]
struct Refunds {
    pending: i64,
    succeeded: i64,
    failed: i64,
}

fn payment(payment: &Payment, refunds: &Refunds, sums: &mut Sums) {
    sums.payments += 1;
    sums.moved.insert(payment.id, (payment.captured, payment.refunded));
    let id = payment.id;
    sums.expect((0..=payment.amount).contains(&payment.captured), || {
        format!("{id} captured {} of {}", payment.captured, payment.amount)
    });
    sums.expect(payment.refunding >= 0 && payment.refundable() >= 0, || {
        format!("{id} gives back more than it took: {payment:?}")
    });
    let Refunds { pending, succeeded, .. } = *refunds;
    sums.expect((payment.refunding, payment.refunded) == (pending, succeeded), || {
        format!("{id} says {} and {} of refunds, they {refunds:?}", payment.refunding, payment.refunded)
    });
}

fn promises(orders: &[Order], sums: &mut Sums) {
    let (mut carts, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for order in orders {
        sums.expect(carts.insert(order.cart), || format!("{} became two orders", order.cart));
        sums.expect(numbers.insert(&order.number), || format!("number {} was given twice", order.number));
    }
}

fn papers(view: &ReadScope<'_>, orders: &[Order], sums: &mut Sums) {
    let mut given: BTreeMap<(u32, DocumentKind), Vec<u64>> = BTreeMap::new();
    for order in orders {
        let Some(papers) = PAPERS.get(view, &order.id) else { continue };
        for Document { number, .. } in &papers.documents {
            given.entry((number.entity, number.kind)).or_default().push(number.serial);
        }
        papers_of(order, &papers, sums);
    }
    for series in SERIES.list(view, &(), usize::MAX) {
        let counted =
            [(DocumentKind::Invoice, series.invoices), (DocumentKind::CreditNote, series.credit_notes)];
        for (kind, last) in counted {
            let mut serials = given.remove(&(series.entity, kind)).unwrap_or_default();
            serials.sort_unstable();
            sums.expect(serials.iter().copied().eq(1..=last), || {
                let (kind, entity) = (kind.as_str(), series.entity);
                format!("of entity {entity}, {last} numbers of {kind} were given, and there are {serials:?}")
            });
        }
    }
    sums.expect(given.is_empty(), || format!("there are papers of no series: {given:?}"));
}

fn papers_of(order: &Order, papers: &Papers, sums: &mut Sums) {
    let number = &order.number;
    let is_paid = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Completed);
    let invoices = papers.documents.len() - papers.credit_notes().count();
    sums.expect(invoices <= 1, || format!("order {number} has {invoices} invoices"));
    let Some(invoice) = papers.invoice() else {
        sums.expect(!is_paid || order.totals.total == 0, || format!("order {number} has no invoice"));
        sums.expect(papers.documents.is_empty(), || format!("order {number} credits what it never invoiced"));
        return;
    };
    let (total, tax) = (order.totals.total, order.totals.tax);
    let taxes = |document: &Document| document.taxes.iter().map(|tax| tax.amount).sum::<i64>();
    sums.expect((invoice.amount, taxes(invoice)) == (total, tax), || {
        format!("order {number} costs {total} with {tax} of tax, and its invoice says {invoice:?}")
    });
    let credited: i64 = papers.credit_notes().map(|note| note.amount).sum();
    let credited_tax: i64 = papers.credit_notes().map(taxes).sum();
    sums.expect(credited <= total && (0..=tax).contains(&credited_tax), || {
        format!("order {number}: {credited} with {credited_tax} of tax are credited of {total} with {tax}")
    });
    sums.expect(credited < total || credited_tax == tax, || {
        format!("order {number} is credited as a whole, but {credited_tax} of {tax} of its tax")
    });
    sums.expect(order.status != OrderStatus::Cancelled || credited == total, || {
        format!("order {number} is cancelled, and {credited} of {total} are credited")
    });
}

//! Today: how the shop does against the same weekday before, what waits for a person, what was sought and
//! not found, and what is still to be set up.

use super::lists::list_problem;
use super::orders::{FAILED_PAYMENTS, OrderAsk, order_rows};
use super::products::ask::ProductAsk;
use super::view::{
    Action, Bar, Cell, Chart, Column, Figure, Notice, Page, Panel, Part, Row, Step, Table, Tone,
};
use super::visit::{Visit, go, may, settings, words};
use super::words::{Words, counted};
use crate::gate::{Call, Place};
use crate::ports_lists::{ListScope, PageRequest, SALES_SLOT_MS, SalesSlot, TOTAL_MAX, Waiting};
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus};
use gearify_commerce::staff;
use gearify_commerce::staff::Permission::{OrdersRead, ProductsRead, ReportsRead, SettingsRead};
use gearify_commerce::tenants::{self, PageKind};
use gearify_commerce::{Currency, Site, Timestamp, catalog, searches, shipping, tax};

pub fn routes() -> Vec<Route> {
    routes! { "Console: today", Console, Known;
        Get "/console" dashboard_page: AnyStaff, PERSON, Read, None, None, None,
            query(), request(), 200(), "Today in this shop; operators go on to their shops";
    }
}

pub async fn dashboard_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    if matches!(call.place(), Place::Platform) {
        return Ok(go("/console/tenants"));
    }
    let words = words(call)?;
    let mut page = Page::new("Today").about(words.day(call.now()));
    if may(call, ReportsRead) {
        page = page.part(sales(call, &words).await?);
    }
    if may(call, SettingsRead) {
        let steps = steps(call)?;
        if steps.iter().any(|step| !step.done) {
            let open = steps.iter().filter(|step| !step.done).count();
            let note = counted(open as u64, "step left", "steps left");
            page = page.aside(Panel::new("Set up the shop").note(note).part(Part::Steps(steps)));
        }
    }
    if may(call, OrdersRead) {
        let waiting = waiting(call).await?;
        page = page.aside(Panel::new("Waiting for you").part(Part::Figures(figures(&waiting))));
        page = page.part(to_ship(call, &words).await?);
    }
    if may(call, ProductsRead) {
        page = page.aside(not_found(call, &words));
    }
    if page.main.is_empty() {
        let notice = Notice::new(Tone::Plain, "Welcome.").text("Choose from the menu what you came for.");
        page = page.part(notice);
    }
    Ok(visit.show(&page))
}

fn scope(call: &Call) -> ListScope {
    ListScope::new(call.tenant(), Site::FIRST)
}

/// Orders and revenue of a stretch of time, in the shop's own currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Takings {
    orders: u32,
    total: i64,
}

/// Of the slots that begin between two times.
fn takings(slots: &[SalesSlot], currency: Currency, from: Timestamp, until: Timestamp) -> Takings {
    let inside = |sold: &&SalesSlot| sold.currency == currency && from <= sold.start && sold.start < until;
    slots.iter().filter(inside).fold(Takings::default(), |sum, sold| Takings {
        orders: sum.orders + sold.orders,
        total: sum.total + sold.total,
    })
}

async fn sales(call: &Call, words: &Words) -> Result<Panel, Problem> {
    let now = call.now();
    let (today, before) = (words.day_start(now, 0), words.day_start(now, -7));
    let lists = call.state().lists.clone();
    let slots = lists.sales(scope(call), before, now).await.map_err(list_problem)?;
    let currency = settings(call)?.currency;
    let ours = takings(&slots, currency, today, now);
    let against = Against::at(words, &slots, currency, now, ours);
    let figures = vec![
        Figure {
            name: "Orders so far".to_owned(),
            value: words.count(ours.orders.into()),
            beside: against.words(|sum| sum.orders.into()),
            tone: Tone::Plain,
            href: None,
        },
        Figure {
            name: "Revenue so far".to_owned(),
            value: words.money(ours.total, currency),
            beside: against.words(|sum| sum.total),
            tone: Tone::Plain,
            href: None,
        },
    ];
    let chart = chart(words, &slots, currency, today, before);
    Ok(Panel::new("Sales")
        .note(format!("Against last {}, hour by hour", words.weekday(now)))
        .part(Part::Figures(figures))
        .part(chart))
}

/// Two days up to the same time of the clock: the last whole slot, so that neither has more of it.
struct Against {
    /// Up to now: what is shown beside the comparison.
    shown: Takings,
    ours: Takings,
    theirs: Takings,
    /// `last Sunday by 14:30`.
    by: String,
}

impl Against {
    fn at(words: &Words, slots: &[SalesSlot], currency: Currency, now: Timestamp, shown: Takings) -> Against {
        let until = Timestamp::from_millis(now.as_millis() - now.as_millis().rem_euclid(SALES_SLOT_MS));
        let sum = |day: i32, until| takings(slots, currency, words.day_start(now, day), until);
        Against {
            shown,
            ours: sum(0, until),
            theirs: sum(-7, words.week_before(until)),
            by: format!("last {} by {}", words.weekday(now), words.clock(until)),
        }
    }

    /// `12 % more than last Sunday by 14:30`.
    fn words(&self, measure: impl Fn(&Takings) -> i64) -> String {
        let (ours, theirs, by) = (measure(&self.ours), measure(&self.theirs), &self.by);
        match (ours, theirs) {
            (0, 0) if measure(&self.shown) == 0 => format!("Nothing {by} either"),
            (_, 0) => format!("Nothing {by}"),
            (_, _) => match (ours - theirs) * 100 / theirs {
                0 => format!("As {by}"),
                more @ 1.. => format!("{more} % more than {by}"),
                less => format!("{} % less than {by}", -less),
            },
        }
    }
}

fn chart(
    words: &Words,
    slots: &[SalesSlot],
    currency: Currency,
    today: Timestamp,
    before: Timestamp,
) -> Chart {
    let bars = (0..24).map(|hour| {
        let sum =
            |day| takings(slots, currency, words.hour_start(day, hour), words.hour_start(day, hour + 1));
        let (ours, theirs) = (sum(today), sum(before));
        let tell = |sum: Takings| {
            format!("{}, {}", words.money(sum.total, currency), counted(sum.orders.into(), "order", "orders"))
        };
        Bar {
            label: format!("{hour:02}"),
            spoken: format!("{hour:02}:00 to {:02}:00", hour + 1),
            now: ours.total,
            before: theirs.total,
            now_words: tell(ours),
            before_words: tell(theirs),
        }
    });
    let chart = Chart {
        title: "Revenue by the hour".to_owned(),
        now_label: "Today".to_owned(),
        before_label: format!("Last {}", words.weekday(today)),
        bars: bars.collect(),
        top_words: String::new(),
    };
    Chart { top_words: words.money(chart.most(), currency), ..chart }
}

async fn waiting(call: &Call) -> Result<Waiting, Problem> {
    call.state().lists.clone().waiting(scope(call)).await.map_err(list_problem)
}

fn figures(waiting: &Waiting) -> Vec<Figure> {
    let figure = |name: &str, count: u64, href: &str, tone: Tone| Figure {
        name: name.to_owned(),
        value: if count >= TOTAL_MAX { format!("{TOTAL_MAX}+") } else { count.to_string() },
        beside: String::new(),
        tone: if count == 0 { Tone::Plain } else { tone },
        href: (count > 0).then(|| href.to_owned()),
    };
    let open = OrderAsk {
        status: vec![OrderStatus::Confirmed],
        fulfilment: vec![FulfillmentStatus::Unfulfilled, FulfillmentStatus::Partial],
        ..OrderAsk::default()
    };
    let unpaid = OrderAsk { status: vec![OrderStatus::Placed], ..OrderAsk::default() };
    vec![
        figure("Orders to ship", waiting.to_ship, &open.href(), Tone::Live),
        figure("Orders to be paid", waiting.to_pay, &unpaid.href(), Tone::Warn),
        figure("Low stock", waiting.low_stock, "/console/stock?low=yes", Tone::Warn),
        figure("Failed payments, 7 days", waiting.failed_payments, FAILED_PAYMENTS, Tone::Bad),
    ]
}

async fn to_ship(call: &Call, words: &Words) -> Result<Panel, Problem> {
    let ask = OrderAsk {
        status: vec![OrderStatus::Confirmed],
        fulfilment: vec![FulfillmentStatus::Unfulfilled, FulfillmentStatus::Partial],
        sort: crate::ports_lists::OrderSort::Oldest,
        ..OrderAsk::default()
    };
    let mut query = ask.query("");
    query.page = PageRequest { limit: 8, ..PageRequest::default() };
    let found = call.state().lists.clone().orders(scope(call), query).await.map_err(list_problem)?;
    // That they are paid and not shipped is why they stand here: who waits for what is news.
    let table = order_rows(call, words, &found.data).only(&[0, 1, 2, 6, 7]);
    let table = table.empty("Nothing waits to be shipped.");
    let panel = Panel::new("Longest waiting to be shipped").flush().part(table);
    Ok(if found.next_cursor.is_some() { panel.action(Action::go("All of them", ask.href())) } else { panel })
}

/// What shoppers look for and the shop does not have, or calls otherwise.
fn not_found(call: &Call, words: &Words) -> Panel {
    const DAYS: u32 = 7;
    const SHOWN_MAX: usize = 8;
    let missed = call.read(GroupKind::Region, |view| searches::missed(view, call.now(), DAYS));
    let rows = missed.into_iter().take(SHOWN_MAX).map(|missed| {
        let term = missed.term.as_str();
        let ours = ProductAsk { text: term.to_owned(), ..ProductAsk::default() };
        Row::new(vec![Cell::link(term, ours.href()), words.count(missed.times.into()).into()])
    });
    let columns = vec![Column::new("Words"), Column::number("Searches")];
    let table = Table::new("Searches without results", columns).rows(rows);
    let table = table.empty("Nothing that two shoppers or more looked for was missing.");
    Panel::new("Searches without results").note(format!("{DAYS} days")).flush().part(table)
}

/// The list ticks itself: each point looks at the state, nobody marks it.
fn steps(call: &Call) -> Result<Vec<Step>, Problem> {
    let shop = call.shop()?;
    let (products, delivery, taxes) = call.read(GroupKind::Catalogue, |view| {
        let products = catalog::product_count(view) > 0;
        (products, !shipping::countries_served(view).is_empty(), !tax::zones(view).is_empty())
    });
    let (pages, people) = call.read(GroupKind::World, |view| {
        let written = [PageKind::Delivery, PageKind::Returns, PageKind::Privacy, PageKind::Terms];
        let pages = written
            .into_iter()
            .all(|kind| tenants::page(view, kind).is_some_and(|page| !page.body.is_empty()));
        (pages, staff::list(view).iter().filter(|member| member.active).count() > 1)
    });
    let step = |done: bool, label: &str, href: &str, text: &str| Step {
        label: label.to_owned(),
        text: text.to_owned(),
        href: href.to_owned(),
        done,
    };
    Ok(vec![
        step(products, "Add products", "/console/products", "One by one, or all at once from a CSV file."),
        step(
            delivery,
            "Say where you deliver",
            "/console/delivery",
            "Zones with their rates; without one nobody can check out.",
        ),
        step(taxes, "Set taxes", "/console/taxes", "Zones and the rates due there."),
        step(
            shop.tenant.branding.revision > 1,
            "Make it yours",
            "/console/branding",
            "Colours, type and logo.",
        ),
        step(
            shop.tenant.legal.value.is_some(),
            "Say who sells",
            "/console/pages",
            "Name and address for invoices and the footer.",
        ),
        step(pages, "Write the pages", "/console/pages", "Delivery, returns, privacy and terms."),
        step(people, "Invite colleagues", "/console/staff", "Each with a role and a login of their own."),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sold(quarter: i64, currency: Currency, orders: u32, total: i64) -> SalesSlot {
        let start = Timestamp::from_millis(quarter * SALES_SLOT_MS);
        SalesSlot { start, currency, orders, pieces: orders, total }
    }

    #[test]
    fn takings_count_their_own_slots_and_currency() {
        let slots = [
            sold(0, Currency::GBP, 1, 100),
            sold(1, Currency::GBP, 2, 250),
            sold(1, Currency::EUR, 9, 900),
            sold(2, Currency::GBP, 4, 400),
        ];
        let at = |quarter: i64| Timestamp::from_millis(quarter * SALES_SLOT_MS);
        assert_eq!(takings(&slots, Currency::GBP, at(0), at(2)), Takings { orders: 3, total: 350 });
    }

    #[test]
    fn comparisons_are_words() {
        let since = |shown: i64, ours: i64, theirs: i64| {
            let sum = |total| Takings { orders: 0, total };
            let by = "last Sunday by 14:30".to_owned();
            Against { shown: sum(shown), ours: sum(ours), theirs: sum(theirs), by }.words(|sum| sum.total)
        };
        let against = |ours, theirs| since(ours, ours, theirs);
        assert_eq!(against(112, 100), "12 % more than last Sunday by 14:30");
        assert_eq!(against(50, 100), "50 % less than last Sunday by 14:30");
        assert_eq!(against(100, 100), "As last Sunday by 14:30");
        assert_eq!(against(5, 0), "Nothing last Sunday by 14:30");
        assert_eq!(against(0, 0), "Nothing last Sunday by 14:30 either");
        // Today's first came after half past two.
        assert_eq!(since(5, 0, 0), "Nothing last Sunday by 14:30");
    }
}

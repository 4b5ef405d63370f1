//! What every list has in common: pages, counts, columns to choose from, and what to say when it can't be read.

use super::view::form::Choice;
use super::view::{Bulk, Field, FieldKind, Pager, Table};
use super::visit::Visit;
use super::words::{counted, grouped};
use crate::ports_lists::{ListFault, ListPage};
use crate::problem::{Kind, Problem};
use gearify_commerce::staff::ViewList;

/// A list that can't be read: a wrong question is the caller's, a fault is ours.
pub fn list_problem(fault: ListFault) -> Problem {
    match fault {
        ListFault::Refused { parameter, detail } => {
            Problem::new(Kind::UnknownParameter).field(format!("?{parameter}"), detail)
        }
        ListFault::Failed(cause) => Problem::new(Kind::Unavailable).retry_after(2).because(cause),
    }
}

/// Where a list goes on; `href` is its address without a cursor.
pub fn pager<T>(page: &ListPage<T>, href: &str, one: &str, many: &str) -> Pager {
    let joint = if href.contains('?') { '&' } else { '?' };
    let at = |cursor: &Option<String>| {
        let cursor = cursor.as_ref()?;
        let cursor: String = form_urlencoded::byte_serialize(cursor.as_bytes()).collect();
        Some(format!("{href}{joint}cursor={cursor}"))
    };
    let words = match page.total_exact {
        true => counted(page.total, one, many),
        false => format!("More than {} {many}", grouped(page.total)),
    };
    Pager { previous: at(&page.prev_cursor), next: at(&page.next_cursor), words }
}

/// A column that a list can show.
#[derive(Clone, Copy, Debug)]
pub struct ListColumn {
    /// In the address.
    pub word: &'static str,
    pub label: &'static str,
    pub show: Show,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    Always,
    /// Unless others are asked for.
    Usual,
    /// Only where it is asked for.
    Asked,
}

pub const fn column(word: &'static str, label: &'static str, show: Show) -> ListColumn {
    ListColumn { word, label, show }
}

/// Where the list is that views are of.
pub fn list_path(list: ViewList) -> &'static str {
    match list {
        ViewList::Orders => "/console/orders",
        ViewList::Products => "/console/products",
        ViewList::Stock => "/console/stock",
        ViewList::Customers => "/console/customers",
    }
}

/// The columns that are asked for, by their words; none where the usual ones do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns(Vec<&'static str>);

impl Columns {
    /// Words nobody knows choose nothing.
    pub fn read(visit: &Visit, all: &'static [ListColumn]) -> Columns {
        let asked = visit.all("columns");
        let is_asked = |column: &&ListColumn| asked.iter().any(|word| word == column.word);
        let free = || all.iter().filter(|column| column.show != Show::Always);
        let words: Vec<&'static str> = free().filter(is_asked).map(|column| column.word).collect();
        let usual = free().filter(|column| column.show == Show::Usual).map(|column| column.word);
        if usual.eq(words.iter().copied()) { Columns::default() } else { Columns(words) }
    }

    pub fn has(&self, column: &ListColumn) -> bool {
        match column.show {
            Show::Always => true,
            Show::Usual => self.0.is_empty() || self.0.contains(&column.word),
            Show::Asked => self.0.contains(&column.word),
        }
    }

    /// Places of the shown columns in the whole table.
    pub fn places(&self, all: &[ListColumn]) -> Vec<usize> {
        (0..all.len()).filter(|place| self.has(&all[*place])).collect()
    }

    /// Of a table of all columns those that are shown.
    pub fn of(&self, table: Table, all: &[ListColumn]) -> Table {
        table.only(&self.places(all))
    }

    /// For the address.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.0.iter().map(|word| ("columns", *word))
    }

    /// Boxes to tick, beside the filters.
    pub fn field(&self, all: &[ListColumn]) -> Field {
        let free = all.iter().filter(|column| column.show != Show::Always);
        let choices = free.map(|column| Choice::new(column.word, column.label).chosen(self.has(column)));
        Field::new(FieldKind::Ticks(choices.collect()), "columns", "Columns").optional()
    }
}

/// Hands each `key:value` of a typed text to `take`; the words that it does not know are searched for.
pub fn words_beside(typed: &str, mut take: impl FnMut(&str, &str) -> bool) -> String {
    let mut is_filter = |word: &&str| word.split_once(':').is_some_and(|(key, value)| take(key, value));
    typed.split_whitespace().filter(|word| !is_filter(word)).collect::<Vec<_>>().join(" ")
}

/// Adds a filter's value once; whether there was one.
pub fn push<T: PartialEq>(list: &mut Vec<T>, value: Option<T>) -> bool {
    match value {
        Some(value) if !list.contains(&value) => list.push(value),
        Some(_) => {}
        None => return false,
    }
    true
}

/// The address of a list with these parameters, if there are any.
pub fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What stands behind the question mark of an address.
pub fn query_of(address: &str) -> &str {
    address.split_once('?').map_or("", |(_, query)| query)
}

/// What may be done with the ticked rows of a list, or with all that match where a page does not show them all.
/// `query` says which list this is.
pub fn bulk<T>(page: &ListPage<T>, noun: &str, query: String, buttons: &[(&str, &str)]) -> Bulk {
    let shows_all = page.total_exact && page.total == page.data.len() as u64;
    let owned = |(value, label): &(&str, &str)| ((*value).to_owned(), (*label).to_owned());
    Bulk {
        action: format!("/console/{noun}/many"),
        buttons: buttons.iter().map(owned).collect(),
        noun: noun.to_owned(),
        hidden: vec![("query".to_owned(), query)],
        all: (!shows_all).then(|| all_words(page, noun)),
    }
}

/// What the selection of a whole list is called: `all 312 products that match`.
pub fn all_words<T>(page: &ListPage<T>, many: &str) -> String {
    match page.total_exact {
        true => format!("All {} {many} that match", grouped(page.total)),
        false => format!("All {many} that match (more than {})", grouped(page.total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ListColumn; 4] = [
        column("product", "Product", Show::Always),
        column("status", "Status", Show::Usual),
        column("price", "Price", Show::Usual),
        column("brand", "Brand", Show::Asked),
    ];

    #[test]
    fn columns_are_the_usual_ones_until_others_are_asked_for() {
        assert_eq!(Columns::default().places(&ALL), [0, 1, 2]);
        let asked = Columns(vec!["brand"]);
        assert_eq!(asked.places(&ALL), [0, 3], "the first column stays");
        assert_eq!(asked.pairs().collect::<Vec<_>>(), [("columns", "brand")]);
        let FieldKind::Ticks(choices) = asked.field(&ALL).kind else { panic!("boxes to tick") };
        let ticked: Vec<bool> = choices.iter().map(|choice| choice.chosen).collect();
        assert_eq!(ticked, [false, false, true]);
    }

    #[test]
    fn a_list_says_how_long_it_is_and_never_counts_everything() {
        let page = ListPage::<u8> {
            data: vec![],
            next_cursor: Some("a b".into()),
            prev_cursor: None,
            total: 10_000,
            total_exact: false,
        };
        let pager = pager(&page, "/console/orders?q=x", "order", "orders");
        assert_eq!(pager.words, "More than 10,000 orders");
        assert_eq!(pager.next.as_deref(), Some("/console/orders?q=x&cursor=a+b"));
    }
}

//! What every list has in common: pages, counts, and what to say when it can't be read.

use super::view::Pager;
use crate::ports_lists::{ListFault, ListPage};
use crate::problem::{Kind, Problem};

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
    let words = match (page.total_exact, page.total) {
        (true, 1) => format!("1 {one}"),
        (true, total) => format!("{total} {many}"),
        (false, total) => format!("More than {total} {many}"),
    };
    Pager { previous: at(&page.prev_cursor), next: at(&page.next_cursor), words }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(pager.words, "More than 10000 orders");
        assert_eq!(pager.next.as_deref(), Some("/console/orders?q=x&cursor=a+b"));
    }
}

//! Where one can go: entries by what the caller may do.

use super::view::{MenuEntry, MenuGroup};
use crate::gate::{Call, Caller, Place};
use gearify_commerce::staff::Permission::{self, *};

/// An entry of the menu: the page, and what one must be allowed to see it.
pub struct Entry {
    pub label: &'static str,
    pub href: &'static str,
    pub icon: &'static str,
    /// `None`: everybody who works here.
    pub needs: Option<Permission>,
}

const fn entry(label: &'static str, href: &'static str, icon: &'static str, needs: Permission) -> Entry {
    Entry { label, href, icon, needs: Some(needs) }
}

/// The shop's menu.
pub const SHOP: &[(&str, &[Entry])] = &[
    (
        "",
        &[
            Entry { label: "Today", href: "/console", icon: "home", needs: None },
            entry("Orders", "/console/orders", "orders", OrdersRead),
            entry("Customers", "/console/customers", "customers", CustomersRead),
        ],
    ),
    (
        "Range",
        &[
            entry("Products", "/console/products", "products", ProductsRead),
            entry("Categories", "/console/categories", "categories", ProductsRead),
            entry("Add-ons", "/console/add-ons", "addons", ProductsRead),
            entry("Import and export", "/console/import", "import", ProductsWrite),
        ],
    ),
    (
        "Stock",
        &[
            entry("Stock", "/console/stock", "stock", StockRead),
            entry("Movements", "/console/movements", "moves", StockRead),
            entry("Warehouses", "/console/warehouses", "warehouse", StockRead),
        ],
    ),
    (
        "Shop",
        &[
            entry("Delivery", "/console/delivery", "delivery", SettingsRead),
            entry("Taxes", "/console/taxes", "tax", SettingsRead),
            entry("Branding", "/console/branding", "brand", SettingsRead),
            entry("Settings", "/console/settings", "settings", SettingsRead),
            entry("Pages and legal", "/console/pages", "pages", SettingsRead),
            entry("Staff", "/console/staff", "staff", StaffRead),
            entry("Outbox", "/console/outbox", "mail", OrdersRead),
            entry("History", "/console/history", "history", EventsRead),
        ],
    ),
];

/// The operator's menu.
pub const PLATFORM: &[(&str, &[Entry])] = &[(
    "",
    &[
        entry("Shops", "/console/tenants", "shops", PlatformRead),
        entry("Health", "/console/health", "health", PlatformRead),
    ],
)];

/// The menu of this caller: nothing they may not open.
pub fn menu(call: &Call) -> Vec<MenuGroup> {
    let Caller::Staff(_) = call.caller() else { return Vec::new() };
    let groups = if matches!(call.place(), Place::Platform) { PLATFORM } else { SHOP };
    let current = current(groups, call.path());
    let shown = |entry: &Entry| entry.needs.is_none_or(|needs| call.caller().may(needs));
    groups
        .iter()
        .map(|(label, entries)| MenuGroup {
            label: (*label).to_owned(),
            entries: entries
                .iter()
                .filter(|entry| shown(entry))
                .map(|entry| MenuEntry {
                    label: entry.label.to_owned(),
                    href: entry.href.to_owned(),
                    icon: entry.icon,
                    current: Some(entry.href) == current,
                })
                .collect(),
        })
        .filter(|group| !group.entries.is_empty())
        .collect()
}

/// The entry this path belongs to: the longest that it begins with.
fn current(groups: &[(&str, &'static [Entry])], path: &str) -> Option<&'static str> {
    let within =
        |href: &str| path == href || path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'));
    let entries = groups.iter().flat_map(|(_, entries)| entries.iter());
    entries.map(|entry| entry.href).filter(|href| within(href)).max_by_key(|href| href.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_entry_is_the_current_one() {
        assert_eq!(current(SHOP, "/console/orders/order_1/ship"), Some("/console/orders"));
        assert_eq!(current(SHOP, "/console"), Some("/console"));
        assert_eq!(current(SHOP, "/console/search"), Some("/console"));
    }
}

//! Writing rows: one record, one row, as the record stands now.

use super::codes::*;
use super::{States, Touch};
use crate::projectors::{Projected, ProjectorError};
use gearify_commerce::catalog::{self, Product, Variant};
use gearify_commerce::customers::{CUSTOMERS, Profile};
use gearify_commerce::event::{Envelope, Event};
use gearify_commerce::inventory::{self, Cause, Change, Event as Inventory, Level, STOCK_ITEMS};
use gearify_commerce::orders::{Event as Orders, NO_HASH, ORDERS, Order};
use gearify_commerce::payments::PAYMENTS;
use gearify_commerce::{
    CustomerId, GroupKind, Locale, OrderId, PaymentId, ProductId, ReadScope, Sealed, Site, StockItemId,
    TenantId, Vault, sealed, tenants,
};
use gearify_storage::EventPosition;
use gearify_web::ports_lists::SALES_SLOT_MS;
use rusqlite::{OptionalExtension, Transaction, params};
use std::collections::BTreeSet;

pub struct Writer<'a> {
    pub tx: &'a Transaction<'a>,
    pub states: &'a States,
    pub vault: &'a dyn Vault,
}

type Done = Result<(), ProjectorError>;

impl Writer<'_> {
    /// Rows that tell what happened, from the event itself.
    pub fn history(&self, Projected { position, envelope }: &Projected) -> Done {
        match &envelope.event {
            Event::Orders(Orders::OrderPlaced { order }) => self.sale(envelope, order),
            Event::Inventory(Inventory::InventoryUpdated { cause, changes }) => changes
                .iter()
                .zip(0u32..)
                .try_for_each(|(change, n)| self.movement(*position, n, envelope, cause, change)),
            _ => Ok(()),
        }
    }

    /// The row of a record that changed.
    pub fn record(&self, tenant: TenantId, site: Site, record: Touch) -> Done {
        let at = Place { tenant, site, scope: self.scope(tenant, site)? };
        match record {
            Touch::Shop => self.shop(tenant),
            Touch::Product(id) => self.product(&at, id),
            Touch::Item(id) => self.item(&at, id),
            Touch::Customer(id) => self.customer(&at, id),
            Touch::Order(id) => self.order(&at, id),
            Touch::Payment(id) => self.payment(&at, id),
        }
    }

    fn view(&self, group: GroupKind, at: &Place) -> ReadScope<'_> {
        let state: &dyn gearify_storage::Reader = &**self.states.of(group);
        ReadScope::new(state, at.tenant, at.site)
    }

    /// A shop that is new here, or has another language or currency, has its worded rows written anew.
    fn shop(&self, tenant: TenantId) -> Done {
        let world: &dyn gearify_storage::Reader = &**self.states.of(GroupKind::World);
        let Some(shop) = tenants::get(&ReadScope::new(world, tenant, Site::NONE)) else { return Ok(()) };
        let settings = &shop.settings.value;
        let changed = self
            .tx
            .prepare_cached(
                "INSERT INTO shops (tenant, locale, currency) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET locale = excluded.locale, currency = excluded.currency
               WHERE (locale, currency) IS NOT (excluded.locale, excluded.currency)",
            )?
            .execute(params![
                bytes(tenant.bits()),
                settings.locale.to_string(),
                settings.currency.as_str()
            ])?;
        if changed == 0 {
            return Ok(());
        }
        for (n, site) in self.sites(tenant)? {
            let at = Place { tenant, site, scope: n };
            for id in self.ids("SELECT id FROM products WHERE scope = ?1", n)? {
                self.product(&at, ProductId::from_bits(id))?;
            }
            for id in self.ids("SELECT id FROM customers WHERE scope = ?1", n)? {
                self.customer_sums(&at, CustomerId::from_bits(id))?;
            }
        }
        Ok(())
    }

    fn locale(&self, tenant: TenantId) -> Result<Option<Locale>, ProjectorError> {
        let locale: Option<String> = self
            .tx
            .prepare_cached("SELECT locale FROM shops WHERE tenant = ?1")?
            .query_row([bytes(tenant.bits())], |row| row.get(0))
            .optional()?;
        Ok(locale.map(|locale| Locale::parse(&locale).expect("written from a locale")))
    }

    fn sites(&self, tenant: TenantId) -> Result<Vec<(i64, Site)>, ProjectorError> {
        let mut query = self.tx.prepare_cached("SELECT n, site FROM scopes WHERE tenant = ?1")?;
        let sites = query.query_map([bytes(tenant.bits())], |row| Ok((row.get(0)?, Site(row.get(1)?))))?;
        Ok(sites.collect::<Result<_, _>>()?)
    }

    fn ids(&self, sql: &str, scope: i64) -> Result<Vec<u128>, ProjectorError> {
        let mut query = self.tx.prepare_cached(sql)?;
        let ids = query.query_map([scope], |row| Ok(u128::from_be_bytes(row.get(0)?)))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn order(&self, at: &Place, id: OrderId) -> Done {
        let view = self.view(GroupKind::Region, at);
        let Some(order) = ORDERS.get(&view, &id) else { return Ok(()) };
        let key = bytes(id.bits());
        let axes = [order.status.code(), order.payment_status().code(), order.fulfillment_status().code()];
        let before: Option<[i64; 3]> = self
            .tx
            .prepare_cached("SELECT status, payment, fulfillment FROM orders WHERE scope = ?1 AND id = ?2")?
            .query_row(params![at.scope, key], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))
            .optional()?;
        if before != Some(axes) {
            self.count_axes(at, before, -1)?;
            self.count_axes(at, Some(axes), 1)?;
            self.exec("DELETE FROM order_axes WHERE scope = ?1 AND count = 0", params![at.scope])?;
        }
        let pieces: u32 = order.lines.iter().map(|line| line.quantities.ordered).sum();
        self.exec(
            "INSERT INTO orders (scope, id, number, number_key, at, status, payment, fulfillment, total, currency,
               pieces, first_sku, lines, customer, country)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
             ON CONFLICT DO UPDATE SET status = excluded.status, payment = excluded.payment,
               fulfillment = excluded.fulfillment, total = excluded.total, pieces = excluded.pieces,
               first_sku = excluded.first_sku, lines = excluded.lines, customer = excluded.customer",
            params![
                at.scope,
                key,
                order.number,
                order.number.to_uppercase(),
                order.placed_at.as_millis(),
                axes[0],
                axes[1],
                axes[2],
                order.totals.total,
                order.currency.as_str(),
                pieces,
                order.lines.first().map_or("", |line| line.sku.as_str()),
                order.lines.len() as i64,
                order.customer.map(|customer| bytes(customer.bits())),
                order.destination.country.to_string(),
            ],
        )?;
        if before.is_none() || order.contact.email_hash == NO_HASH {
            self.order_terms(at, &view, &order)?;
        }
        match order.customer {
            Some(customer) => self.customer_sums(at, customer),
            None => Ok(()),
        }
    }

    fn count_axes(&self, at: &Place, axes: Option<[i64; 3]>, by: i64) -> Done {
        let Some([status, payment, fulfillment]) = axes else { return Ok(()) };
        self.exec(
            "INSERT INTO order_axes (scope, status, payment, fulfillment, count) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
            params![at.scope, status, payment, fulfillment, by],
        )?;
        // Which combinations an order passed through depends on how events came in pages: none is left.
        self.exec(
            "DELETE FROM order_axes WHERE scope = ?1 AND status = ?2 AND payment = ?3 AND fulfillment = ?4 AND count = 0",
            params![at.scope, status, payment, fulfillment],
        )
    }

    fn order_terms(&self, at: &Place, view: &ReadScope<'_>, order: &Order) -> Done {
        let id = bytes(order.id.bits());
        self.forget_terms(at, id)?;
        for line in &order.lines {
            self.term(at, ORDER_SKU, line.sku.to_lowercase().as_bytes(), id)?;
        }
        if order.contact.email_hash == NO_HASH {
            return Ok(());
        }
        self.term(at, ORDER_EMAIL, &order.contact.email_hash, id)?;
        let mut names = Vec::new();
        names.extend(self.opened(view, &order.contact.sealed).and_then(|contact| contact.name));
        names.extend(self.opened(view, &order.shipping_address).map(|address| address.name));
        self.name_terms(at, ORDER_NAME, &names, id)
    }

    fn customer(&self, at: &Place, id: CustomerId) -> Done {
        let view = self.view(GroupKind::Region, at);
        let key = bytes(id.bits());
        let Some(customer) = CUSTOMERS.get(&view, &id) else {
            self.forget_terms(at, key)?;
            return self.exec("DELETE FROM customers WHERE scope = ?1 AND id = ?2", params![at.scope, key]);
        };
        self.exec(
            "INSERT INTO customers (scope, id, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            params![at.scope, key, customer.created_at.as_millis()],
        )?;
        self.forget_terms(at, key)?;
        self.term(at, CUSTOMER_EMAIL, &customer.email_hash, key)?;
        let profile: Option<Profile> = self.opened(&view, &customer.profile);
        let names: Vec<String> = profile.into_iter().map(|profile| profile.name).collect();
        self.name_terms(at, CUSTOMER_NAME, &names, key)?;
        self.customer_sums(at, id)
    }

    /// What a customer has ordered, in the shop's currency, without what was called off.
    fn customer_sums(&self, at: &Place, id: CustomerId) -> Done {
        use gearify_commerce::orders::OrderStatus;
        self.exec(
            "UPDATE customers SET (orders, spent, last_order_at) =
               (SELECT count(*), coalesce(sum(total) FILTER (WHERE currency IN (SELECT currency FROM shops WHERE tenant = ?3)), 0),
                  max(at) FROM orders INDEXED BY orders_by_customer
                WHERE scope = ?1 AND customer = ?2 AND status NOT IN (?4, ?5))
             WHERE scope = ?1 AND id = ?2",
            params![
                at.scope,
                bytes(id.bits()),
                bytes(at.tenant.bits()),
                OrderStatus::Cancelled.code(),
                OrderStatus::Expired.code(),
            ],
        )
    }

    fn payment(&self, at: &Place, id: PaymentId) -> Done {
        let Some(payment) = PAYMENTS.get(&self.view(GroupKind::Region, at), &id) else { return Ok(()) };
        self.exec(
            "INSERT INTO payments (scope, id, order_id, provider, state, amount, captured, refunded, currency,
               decline_code, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT DO UPDATE SET state = excluded.state, captured = excluded.captured,
               refunded = excluded.refunded, decline_code = excluded.decline_code",
            params![
                at.scope,
                bytes(id.bits()),
                bytes(payment.order.bits()),
                payment.provider,
                payment.state.code(),
                payment.amount,
                payment.captured,
                payment.refunded,
                payment.currency.as_str(),
                payment.decline_code,
                payment.created_at.as_millis(),
            ],
        )
    }

    fn product(&self, at: &Place, id: ProductId) -> Done {
        let view = self.view(GroupKind::Catalogue, at);
        let Some(product) = catalog::product(&view, id) else { return Ok(()) };
        let name =
            self.locale(at.tenant)?.map(|locale| product.details.name.words(&locale, &locale).to_owned());
        let name = name.unwrap_or_default();
        let variants = catalog::live_variants_of(&view, id);
        let key = bytes(id.bits());
        self.exec(
            "INSERT INTO products (scope, id, status, name, name_key, slug, created_at, updated_at, variants)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET status = excluded.status, name = excluded.name, name_key = excluded.name_key,
               slug = excluded.slug, updated_at = excluded.updated_at, variants = excluded.variants",
            params![
                at.scope,
                key,
                product.status.code(),
                name,
                name.to_lowercase(),
                product.details.slug.as_str(),
                product.created_at.as_millis(),
                product.updated_at.as_millis(),
                variants.len() as i64,
            ],
        )?;
        self.product_facets(at, &product, &name.to_lowercase())?;
        self.product_terms(at, &product, &variants)
    }

    fn product_facets(&self, at: &Place, product: &Product, name_key: &str) -> Done {
        let id = bytes(product.id.bits());
        // Left alone, the planner prefers the rows of the whole shop.
        self.exec(
            "DELETE FROM product_facets INDEXED BY product_facets_by_id WHERE scope = ?1 AND id = ?2",
            params![at.scope, id],
        )?;
        let details = &product.details;
        let brand =
            details.brand.iter().map(|brand| (PRODUCT_BRAND, brand.as_str().to_lowercase().into_bytes()));
        let categories =
            details.categories.iter().map(|category| (PRODUCT_CATEGORY, bytes(category.bits()).to_vec()));
        let kind = (PRODUCT_TYPE, details.product_type.as_str().as_bytes().to_vec());
        for (kind, term) in brand.chain(categories).chain([kind]) {
            self.exec(
                "INSERT OR IGNORE INTO product_facets (scope, kind, term, id, status, name_key, created_at, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    at.scope,
                    kind,
                    term,
                    id,
                    product.status.code(),
                    name_key,
                    product.created_at.as_millis(),
                    product.updated_at.as_millis(),
                ],
            )?;
        }
        Ok(())
    }

    fn product_terms(&self, at: &Place, product: &Product, variants: &[Variant]) -> Done {
        let id = bytes(product.id.bits());
        self.forget_terms(at, id)?;
        for variant in variants {
            self.term(at, PRODUCT_SKU, variant.details.sku.folded().as_bytes(), id)?;
        }
        let words: BTreeSet<String> = product.details.name.iter().flat_map(|(_, name)| words(name)).collect();
        words.iter().try_for_each(|word| self.term(at, PRODUCT_WORD, word.as_bytes(), id))
    }

    fn item(&self, at: &Place, id: StockItemId) -> Done {
        let view = self.view(GroupKind::Region, at);
        let Some(item) = STOCK_ITEMS.get(&view, &id) else { return Ok(()) };
        let key = bytes(id.bits());
        let sku_key = item.sku.to_lowercase();
        let levels = inventory::levels(&view, id);
        let available: i64 = levels.values().map(|level| level.available()).sum();
        let known: Option<String> = self
            .tx
            .prepare_cached("SELECT sku_key FROM stock_items WHERE scope = ?1 AND item = ?2")?
            .query_row(params![at.scope, key], |row| row.get(0))
            .optional()?;
        if let Some(before) = known.filter(|before| *before != sku_key) {
            // Under another SKU its rows stand elsewhere in the order.
            self.exec(
                "DELETE FROM stock WHERE scope = ?1 AND sku_key = ?2 AND substr(place, 1, 16) = ?3",
                params![at.scope, before, key],
            )?;
        }
        self.exec(
            "INSERT INTO stock_items (scope, item, sku, sku_key, low_at, low) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET sku = excluded.sku, sku_key = excluded.sku_key, low_at = excluded.low_at,
               low = excluded.low",
            params![at.scope, key, item.sku, sku_key, item.low_at, available <= i64::from(item.low_at)],
        )?;
        for (warehouse, level) in levels {
            let place = [key, bytes(warehouse.bits())].concat();
            self.level(at, &sku_key, &place, level)?;
        }
        Ok(())
    }

    fn level(&self, at: &Place, sku_key: &str, place: &[u8], level: Level) -> Done {
        self.exec(
            "INSERT OR REPLACE INTO stock (scope, sku_key, place, on_hand, reserved, allocated, incoming, unavailable,
               safety, available)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                at.scope,
                sku_key,
                place,
                level.on_hand,
                level.reserved,
                level.allocated,
                level.incoming,
                level.unavailable,
                level.safety,
                level.available(),
            ],
        )
    }

    fn movement(
        &self,
        position: EventPosition,
        n: u32,
        envelope: &Envelope,
        cause: &Cause,
        change: &Change,
    ) -> Done {
        let (cause, order) = match cause {
            Cause::Adjusted(reason) => (reason.as_str(), None),
            Cause::Transferred => ("transferred", None),
            Cause::PartsSet => ("parts_set", None),
            Cause::Allocated(order) => ("allocated", Some(*order)),
            Cause::Shipped(order) => ("shipped", Some(*order)),
            Cause::Unallocated(order) => ("unallocated", Some(*order)),
            Cause::Restocked(order) => ("restocked", Some(*order)),
            Cause::Reallocated(order) => ("reallocated", Some(*order)),
            // Holds come and go with shoppers; nothing moves.
            Cause::Reserved(_) | Cause::Released(_) => return Ok(()),
        };
        let scope = self.scope(envelope.tenant, envelope.site)?;
        let place = [position.n.to_be_bytes(), n.to_be_bytes()].concat();
        self.exec(
            "INSERT INTO movements (scope, log_index, place, at, item, warehouse, delta, on_hand, available, cause,
               order_id, actor)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                scope,
                position.index as i64,
                place,
                envelope.at.as_millis(),
                bytes(change.item.bits()),
                bytes(change.warehouse.bits()),
                change.delta,
                change.after.on_hand,
                change.after.available(),
                cause,
                order.map(|order| bytes(order.bits())),
                envelope.actor.to_string(),
            ],
        )
    }

    fn sale(&self, envelope: &Envelope, order: &Order) -> Done {
        let scope = self.scope(envelope.tenant, envelope.site)?;
        let at = order.placed_at.as_millis();
        let pieces: u32 = order.lines.iter().map(|line| line.quantities.ordered).sum();
        self.exec(
            "INSERT INTO sales (scope, slot, currency, orders, pieces, total) VALUES (?1, ?2, ?3, 1, ?4, ?5)
             ON CONFLICT DO UPDATE SET orders = orders + 1, pieces = pieces + excluded.pieces,
               total = total + excluded.total",
            params![
                scope,
                at - at.rem_euclid(SALES_SLOT_MS),
                order.currency.as_str(),
                pieces,
                order.totals.total
            ],
        )
    }

    fn scope(&self, tenant: TenantId, site: Site) -> Result<i64, ProjectorError> {
        let tenant = bytes(tenant.bits());
        let known = self
            .tx
            .prepare_cached("SELECT n FROM scopes WHERE tenant = ?1 AND site = ?2")?
            .query_row(params![tenant, site.0], |row| row.get(0))
            .optional()?;
        if let Some(known) = known {
            return Ok(known);
        }
        self.exec("INSERT INTO scopes (tenant, site) VALUES (?1, ?2)", params![tenant, site.0])?;
        Ok(self.tx.last_insert_rowid())
    }

    fn name_terms(&self, at: &Place, kind: i64, names: &[String], id: [u8; 16]) -> Done {
        let parts: BTreeSet<String> =
            names.iter().flat_map(|name| words(name)).flat_map(|word| name_parts(&word)).collect();
        parts.iter().try_for_each(|part| {
            let hash = self.vault.hash(at.tenant, NAME_PURPOSE, part.as_bytes());
            self.term(at, kind, &hash, id)
        })
    }

    fn term(&self, at: &Place, kind: i64, term: &[u8], id: [u8; 16]) -> Done {
        self.exec(
            "INSERT OR IGNORE INTO terms (scope, kind, term, id) VALUES (?1, ?2, ?3, ?4)",
            params![at.scope, kind, term, id],
        )
    }

    fn forget_terms(&self, at: &Place, id: [u8; 16]) -> Done {
        self.exec(
            "DELETE FROM terms INDEXED BY terms_by_id WHERE scope = ?1 AND id = ?2",
            params![at.scope, id],
        )
    }

    /// `None` where the person's data was erased.
    fn opened<T: serde::de::DeserializeOwned>(&self, view: &ReadScope<'_>, value: &Sealed<T>) -> Option<T> {
        sealed::open(view, self.vault, value).ok()
    }

    fn exec(&self, sql: &str, values: impl rusqlite::Params) -> Done {
        self.tx.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}

struct Place {
    tenant: TenantId,
    site: Site,
    scope: i64,
}

/// Keeps hashes of names apart from those of other fields.
pub const NAME_PURPOSE: &str = "name";

/// Words of a name or title as they are compared: lower case, letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && !is_mark(c))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// Vowel signs of Indian scripts belong to their word, though they are no letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036f}' | '\u{0900}'..='\u{0dff}')
}

/// The word, and its first 3 to 6 letters.
pub fn name_parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let prefixes = (3..=6).filter(|&n| n < letters.len()).map(|n| letters[..n].iter().collect());
    prefixes.chain([word.to_owned()]).collect()
}

pub fn bytes(bits: u128) -> [u8; 16] {
    bits.to_be_bytes()
}

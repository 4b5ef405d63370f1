-- What lists show, filter and sort by, computed from events. No names, addresses or e-mails of people:
-- those are found by keyed hashes only. Every offered filter and order is the beginning of an index.

-- A tenant's site by a small number; catalogue data has site 0.
CREATE TABLE scopes (
    n INTEGER PRIMARY KEY,
    tenant BLOB NOT NULL,
    site INTEGER NOT NULL,
    UNIQUE (tenant, site)
) STRICT;

-- What rows are worded and summed in; follows the world's events, so that rows written before a shop's
-- record arrived are written again when it does.
CREATE TABLE shops (
    tenant BLOB NOT NULL PRIMARY KEY,
    locale TEXT NOT NULL,
    currency TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    number TEXT NOT NULL,
    number_key TEXT NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    payment INTEGER NOT NULL,
    fulfillment INTEGER NOT NULL,
    total INTEGER NOT NULL,
    currency TEXT NOT NULL,
    pieces INTEGER NOT NULL,
    first_sku TEXT NOT NULL,
    lines INTEGER NOT NULL,
    customer BLOB,
    country TEXT NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
-- One run per combination of the three axes; a page merges the runs it wants.
CREATE INDEX orders_by_time ON orders (scope, status, payment, fulfillment, at, id, total);
CREATE INDEX orders_by_total ON orders (scope, status, payment, fulfillment, total, id, at);
CREATE INDEX orders_by_number ON orders (scope, number_key);
CREATE INDEX orders_by_customer ON orders (scope, customer, at, id) WHERE customer IS NOT NULL;

-- Which combinations there are, and how many orders each has.
CREATE TABLE order_axes (
    scope INTEGER NOT NULL,
    status INTEGER NOT NULL,
    payment INTEGER NOT NULL,
    fulfillment INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (scope, status, payment, fulfillment)
) STRICT, WITHOUT ROWID;

-- Ways to find a record: SKUs as folded text, people by keyed hashes.
CREATE TABLE terms (
    scope INTEGER NOT NULL,
    -- 1 order by SKU, 2 order by e-mail, 3 order by name, 4 customer by e-mail, 5 customer by name,
    -- 6 product by SKU, 7 product by word
    kind INTEGER NOT NULL,
    term BLOB NOT NULL,
    id BLOB NOT NULL,
    PRIMARY KEY (scope, kind, term, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX terms_by_id ON terms (scope, id, kind);

-- Orders placed by quarters of an hour, which no time zone's midnight divides.
CREATE TABLE sales (
    scope INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    currency TEXT NOT NULL,
    orders INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    total INTEGER NOT NULL,
    PRIMARY KEY (scope, slot, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    orders INTEGER NOT NULL DEFAULT 0,
    spent INTEGER NOT NULL DEFAULT 0,
    last_order_at INTEGER,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customers_by_time ON customers (scope, at, id);
CREATE INDEX customers_by_spent ON customers (scope, spent, id);
CREATE INDEX customers_by_last ON customers (scope, coalesce(last_order_at, 0), id);

CREATE TABLE products (
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    status INTEGER NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    slug TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    variants INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX products_by_update ON products (scope, status, updated_at, id);
CREATE INDEX products_by_name ON products (scope, status, name_key, id);
CREATE INDEX products_by_age ON products (scope, status, created_at, id);

-- What products are filed under, with what lists are sorted by.
CREATE TABLE product_facets (
    scope INTEGER NOT NULL,
    -- 1 type by code, 2 category by id, 3 brand in small letters
    kind INTEGER NOT NULL,
    term BLOB NOT NULL,
    id BLOB NOT NULL,
    status INTEGER NOT NULL,
    name_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (scope, kind, term, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX product_facets_by_update ON product_facets (scope, kind, term, status, updated_at, id);
CREATE INDEX product_facets_by_name ON product_facets (scope, kind, term, status, name_key, id);
CREATE INDEX product_facets_by_age ON product_facets (scope, kind, term, status, created_at, id);
CREATE INDEX product_facets_by_id ON product_facets (scope, id);

-- Items over all warehouses.
CREATE TABLE stock_items (
    scope INTEGER NOT NULL,
    item BLOB NOT NULL,
    sku TEXT NOT NULL,
    sku_key TEXT NOT NULL,
    low_at INTEGER NOT NULL,
    low INTEGER NOT NULL,
    PRIMARY KEY (scope, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_items_low ON stock_items (scope, low, item);

CREATE TABLE stock (
    scope INTEGER NOT NULL,
    sku_key TEXT NOT NULL,
    -- item, then warehouse: 32 bytes.
    place BLOB NOT NULL,
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    allocated INTEGER NOT NULL,
    incoming INTEGER NOT NULL,
    unavailable INTEGER NOT NULL,
    safety INTEGER NOT NULL,
    available INTEGER NOT NULL,
    PRIMARY KEY (scope, sku_key, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_by_warehouse ON stock (scope, substr(place, 17), sku_key, place);

CREATE TABLE movements (
    scope INTEGER NOT NULL,
    log_index INTEGER NOT NULL,
    -- number of the event in its entry, then of the change in the event: 8 bytes.
    place BLOB NOT NULL,
    at INTEGER NOT NULL,
    item BLOB NOT NULL,
    warehouse BLOB NOT NULL,
    delta INTEGER NOT NULL,
    on_hand INTEGER NOT NULL,
    available INTEGER NOT NULL,
    cause TEXT NOT NULL,
    order_id BLOB,
    actor TEXT NOT NULL,
    PRIMARY KEY (scope, log_index, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX movements_by_item ON movements (scope, item, log_index, place);
CREATE INDEX movements_by_order ON movements (scope, order_id, log_index, place) WHERE order_id IS NOT NULL;

CREATE TABLE payments (
    scope INTEGER NOT NULL,
    id BLOB NOT NULL,
    order_id BLOB NOT NULL,
    provider TEXT NOT NULL,
    state INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    captured INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    currency TEXT NOT NULL,
    decline_code TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payments_by_state ON payments (scope, state, at, id);
CREATE INDEX payments_by_order ON payments (scope, order_id, at, id);

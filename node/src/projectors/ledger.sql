-- The ledger of one node, computed from payment events.
--
-- Ids are the 16 bytes that the API writes as TypeIDs. Amounts are whole minor units of `currency`.
-- Times are milliseconds since 1970, UTC, as they stand in the log. `log_index` and `n` name the event
-- a row comes from.

-- One row per payment; what it collected and gave back so far.
CREATE TABLE payments (
    id BLOB PRIMARY KEY,
    tenant BLOB NOT NULL,
    site INTEGER NOT NULL,
    order_id BLOB NOT NULL,
    provider TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    -- pending, authorised, partially_captured, captured, voided, failed
    status TEXT NOT NULL,
    captured INTEGER NOT NULL DEFAULT 0,
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded <= captured),
    reference TEXT,
    decline_code TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_by_status ON payments (tenant, site, status, id);

-- What moved, or was tried, at a provider. Never changed.
CREATE TABLE payment_transactions (
    log_index INTEGER NOT NULL,
    n INTEGER NOT NULL,
    payment_id BLOB NOT NULL REFERENCES payments (id),
    -- charge, refund, chargeback
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    -- succeeded, failed
    status TEXT NOT NULL,
    provider TEXT NOT NULL,
    reference TEXT,
    at INTEGER NOT NULL,
    PRIMARY KEY (log_index, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX transactions_by_payment ON payment_transactions (payment_id);

CREATE TABLE refunds (
    id BLOB PRIMARY KEY,
    payment_id BLOB NOT NULL REFERENCES payments (id),
    order_id BLOB NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL,
    -- pending, succeeded, failed
    status TEXT NOT NULL,
    reference TEXT,
    failure TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_by_payment ON refunds (payment_id);

-- Which ways to pay a shop's shoppers have used, without anything that identifies a shopper.
CREATE TABLE payment_methods (
    tenant BLOB NOT NULL,
    site INTEGER NOT NULL,
    provider TEXT NOT NULL,
    first_used_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    PRIMARY KEY (tenant, site, provider)
) STRICT, WITHOUT ROWID;

-- What we asked a provider for against what it says it took, per payment.
CREATE TABLE payment_reconciliation (
    payment_id BLOB PRIMARY KEY REFERENCES payments (id),
    provider TEXT NOT NULL,
    expected INTEGER NOT NULL,
    actual INTEGER,
    difference INTEGER,
    -- pending, matched, discrepancy
    status TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reconciliation_by_status ON payment_reconciliation (status);

-- Double entry: the amounts of one event and currency sum to zero. Debits are positive.
-- Accounts: `provider:<name>` (money there), `sales` (owed to the shop for goods), `refunds`.
CREATE TABLE postings (
    log_index INTEGER NOT NULL,
    n INTEGER NOT NULL,
    line INTEGER NOT NULL,
    tenant BLOB NOT NULL,
    site INTEGER NOT NULL,
    account TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount <> 0),
    currency TEXT NOT NULL,
    payment_id BLOB NOT NULL,
    order_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (log_index, n, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_account ON postings (tenant, site, account, currency, amount);

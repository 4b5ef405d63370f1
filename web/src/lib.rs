//! Gateway, REST API, storefront and console.
